//! Which handler gets which message.

use std::collections::BTreeMap;
use std::rc::Rc;

use glomers_protocol::{Body, ErrorCode, NodeId, RawBody, RawValue, Request, RpcError, decode_body};

use crate::executor::TaskFuture;
use crate::origin::RequestOrigin;
use crate::{Failure, Node};

/// A server and its handlers, one for each type of message.
///
/// A handler is an async method of the server. It takes the message's payload, and its signature says which
/// type that is:
///
/// ```
/// use glomers_node::{Node, Router, RpcError, messages};
///
/// messages! { "generate" struct Generate {} => "generate_ok" struct GenerateOk { id: String }; }
///
/// struct Server { node: Node, generated: std::cell::Cell<u64> }
///
/// impl Server {
///     async fn generate(&self, _request: Generate) -> Result<GenerateOk, RpcError> {
///         self.generated.set(self.generated.get() + 1);
///         Ok(GenerateOk { id: format!("{}-{}", self.node.id(), self.generated.get()) })
///     }
/// }
///
/// # let _ = |node: Node| {
/// Router::new(Server { node, generated: 0.into() }).on(Server::generate)
/// # };
/// ```
///
/// Handlers start in the order that their messages came, and interleave only where they await.
pub struct Router<S> {
    server: Rc<S>,
    routes: Routes,
}

impl<S: 'static> Router<S> {
    /// A server without handlers.
    pub fn new(server: S) -> Self {
        Self { server: Rc::new(server), routes: Routes::default() }
    }

    /// Answers requests of type `R`.
    ///
    /// # Panics
    /// When the type has a handler already.
    #[must_use]
    pub fn on<R, E, H>(self, handler: H) -> Self
    where
        R: Request + 'static,
        E: Into<Failure>,
        H: AsyncFn(&S, R) -> Result<R::Reply, E> + 'static,
    {
        self.on_from(async move |server: &S, _src: NodeId, request: R| handler(server, request).await)
    }

    /// Answers requests of type `R`, with a handler that is given the sender too.
    ///
    /// # Panics
    /// When the type has a handler already.
    #[must_use]
    pub fn on_from<R, E, H>(self, handler: H) -> Self
    where
        R: Request + 'static,
        E: Into<Failure>,
        H: AsyncFn(&S, NodeId, R) -> Result<R::Reply, E> + 'static,
    {
        let handler = Rc::new(handler);
        self.route(R::TYPE, move |server, node, origin, body| {
            let request: R = decode(body)?;
            let (server, node, handler) = (Rc::clone(server), node.clone(), Rc::clone(&handler));
            Ok(Box::pin(async move {
                match handler(&server, origin.src.clone(), request).await {
                    Ok(reply) => node.reply(&origin, &reply),
                    Err(error) => fail(&node, &origin, R::TYPE, error.into()),
                }
            }))
        })
    }

    /// Takes messages of type `B`, which get no reply.
    ///
    /// # Panics
    /// When the type has a handler already.
    #[must_use]
    pub fn on_notice<B, H>(self, handler: H) -> Self
    where
        B: Body + 'static,
        H: AsyncFn(&S, NodeId, B) + 'static,
    {
        let handler = Rc::new(handler);
        self.route(B::TYPE, move |server, _node, origin, body| {
            let notice: B = decode(body)?;
            let (server, handler) = (Rc::clone(server), Rc::clone(&handler));
            Ok(Box::pin(async move { handler(&server, origin.src, notice).await }))
        })
    }

    /// Answers requests of one type with their bodies as they came, for a node that passes them on.
    ///
    /// # Panics
    /// When the type has a handler already.
    #[must_use]
    pub fn on_raw<E, H>(self, kind: &'static str, handler: H) -> Self
    where
        E: Into<Failure>,
        H: AsyncFn(&S, NodeId, RawBody) -> Result<RawBody, E> + 'static,
    {
        let handler = Rc::new(handler);
        self.route(kind, move |server, node, origin, body| handle_raw(&handler, server, node, origin, body))
    }

    /// Answers requests of all types that have no handler of their own, with their bodies as they came.
    #[must_use]
    pub fn otherwise<E, H>(mut self, handler: H) -> Self
    where
        E: Into<Failure>,
        H: AsyncFn(&S, NodeId, RawBody) -> Result<RawBody, E> + 'static,
    {
        let handler = Rc::new(handler);
        let server = Rc::clone(&self.server);
        self.routes.otherwise =
            Some(Box::new(move |node, origin, body| handle_raw(&handler, &server, node, origin, body)));
        self
    }

    pub(crate) fn into_routes(self) -> Routes {
        self.routes
    }

    fn route(
        mut self,
        kind: &'static str,
        start: impl Fn(&Rc<S>, &Node, RequestOrigin, &RawValue) -> Result<TaskFuture, RpcError> + 'static,
    ) -> Self {
        let server = Rc::clone(&self.server);
        let handler: MessageHandler = Box::new(move |node, origin, body| start(&server, node, origin, body));
        let former = self.routes.by_kind.insert(kind, handler);
        assert!(former.is_none(), "`{kind}` has two handlers: which one is meant?");
        self
    }
}

/// Makes the task that handles one message, or says why its body does not fit.
type MessageHandler = Box<dyn Fn(&Node, RequestOrigin, &RawValue) -> Result<TaskFuture, RpcError>>;

/// The handlers of a router, without the type of their server.
#[derive(Default)]
pub(crate) struct Routes {
    by_kind: BTreeMap<&'static str, MessageHandler>,
    otherwise: Option<MessageHandler>,
}

impl Routes {
    pub(crate) fn start(
        &self,
        kind: &str,
        node: &Node,
        origin: RequestOrigin,
        body: &RawValue,
    ) -> Result<TaskFuture, RpcError> {
        match self.by_kind.get(kind).or(self.otherwise.as_ref()) {
            Some(handler) => handler(node, origin, body),
            None => {
                let known: Vec<&str> = self.by_kind.keys().copied().collect();
                let known = if known.is_empty() { "no other type".to_owned() } else { known.join(", ") };
                let text = format!("{} does not know `{kind}`; it knows init, {known}", node.name());
                Err(RpcError::new(ErrorCode::NOT_SUPPORTED, text))
            }
        }
    }
}

fn handle_raw<S: 'static, E, H>(
    handler: &Rc<H>,
    server: &Rc<S>,
    node: &Node,
    origin: RequestOrigin,
    body: &RawValue,
) -> Result<TaskFuture, RpcError>
where
    E: Into<Failure>,
    H: AsyncFn(&S, NodeId, RawBody) -> Result<RawBody, E> + 'static,
{
    let body =
        RawBody::new(body).map_err(|error| RpcError::new(ErrorCode::MALFORMED_REQUEST, error.to_string()))?;
    let (server, node, handler) = (Rc::clone(server), node.clone(), Rc::clone(handler));
    Ok(Box::pin(async move {
        let kind = body.kind().to_owned();
        match handler(&server, origin.src.clone(), body).await {
            Ok(reply) => node.reply_raw(&origin, &reply),
            Err(error) => fail(&node, &origin, &kind, error.into()),
        }
    }))
}

fn decode<B: Body>(body: &RawValue) -> Result<B, RpcError> {
    decode_body(body).map_err(|error| RpcError::new(ErrorCode::MALFORMED_REQUEST, error.to_string()))
}

fn fail(node: &Node, origin: &RequestOrigin, kind: &str, failure: Failure) {
    let error = failure.into_rpc_error();
    if error.code == ErrorCode::CRASH {
        tracing::error!("{}: `{kind}` from {} failed: {}", node.name(), origin.src, error.text);
    }
    node.reply_error(origin, &error);
}
