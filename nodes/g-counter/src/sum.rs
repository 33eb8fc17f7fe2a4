//! What all starts added.

use std::rc::Rc;

use futures::future::try_join_all;
use glomers_node::RpcError;
use glomers_node::services::KeyValue;

use crate::census::Census;
use crate::fence::Fence;
use crate::total;

/// Adds up the totals of all starts.
#[derive(Debug)]
pub(crate) struct Sum {
    store: KeyValue,
    fence: Rc<Fence>,
    census: Rc<Census>,
}

impl Sum {
    pub(crate) fn new(store: &KeyValue, fence: Rc<Fence>, census: Rc<Census>) -> Self {
        Self { store: store.clone(), fence, census }
    }

    /// A sum that counts every add that was acknowledged before this is called.
    pub(crate) async fn read(&self) -> Result<u128, RpcError> {
        self.fence.pass().await?;
        let starts = self.census.starts().await?;
        let totals = try_join_all(starts.iter().map(|start| total::read(&self.store, start))).await?;
        Ok(totals.into_iter().sum())
    }
}
