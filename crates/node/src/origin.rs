//! Where a message came from, and so where its reply goes.

use glomers_protocol::{MsgId, NodeId};

/// Who sent a message, and under which id.
#[derive(Clone)]
pub(crate) struct RequestOrigin {
    pub(crate) src: NodeId,
    /// The id that a reply repeats; `None` where the sender wants no reply.
    pub(crate) msg_id: Option<MsgId>,
}
