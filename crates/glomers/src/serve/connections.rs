//! The connections: a limited number, each with a time-out.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tower::{Service, ServiceExt};

/// How many connections are open at a time. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// How long the head of a request may take to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before accepting again when no connection can be opened, such as when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests until the listener fails.
pub(super) async fn accept(listener: TcpListener, router: Router) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if is_passing(&error) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let service = TowerToHyperService::new(answering(router.clone()));
        tokio::spawn(async move {
            // A client that goes away, or never finishes its request, does not affect the others.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(place);
        });
    }
}

/// The router, adapted to the body type of a connection.
fn answering(
    router: Router,
) -> impl Service<http::Request<hyper::body::Incoming>, Response = Response, Error = Infallible, Future: Send>
+ Clone {
    tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let router = router.clone();
        async move { router.oneshot(Request::from(request.map(Body::new))).await }
    })
}

/// Whether accepting may succeed later.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    let is_short_of = |number: Option<i32>| {
        use nix::errno::Errno;
        [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM]
            .iter()
            .any(|errno| number == Some(*errno as i32))
    };
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
        || is_short_of(error.raw_os_error())
}
