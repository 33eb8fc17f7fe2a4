//! `glomers serve`: the runs of a store, as pages.
//!
//! Every request reads the run directories again and nothing is cached, so a running or interrupted run is shown with
//! what it has recorded. What nodes printed is untrusted: pages escape it and load
//! nothing but their own style and scripts, files are never sent as anything a browser would run.
//!
//! In reading order:
//!
//! - [`summary`] reads one run's figures from its directory.
//! - [`store`] finds runs and refuses paths that lead out of the store.
//! - `pages` are the index, a run, a directory and a text file; `download` sends files and archives as they are.
//! - `compare` shows two runs side by side, and `delete` removes one.
//! - `links` makes links of what sentences name; `live` tells the page of a run that is going on when there is more.
//! - `script` sends the scripts of the run page, and `data` what they read: the journal as columns.

mod compare;
mod connections;
mod data;
mod delete;
mod download;
mod file_type;
mod links;
mod live;
mod pages;
mod script;
pub mod store;
pub mod summary;

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use store::{Refusal, Store};
use tokio::net::TcpListener;

/// Why no pages are served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no such store.
    #[error("can't open the store {path}: {source}. Name the directory of the runs with --store.")]
    Store {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The address is in use, or does not belong to this machine.
    #[error("can't listen on {address}: {source}. If another server uses the port, choose one with --port.")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The server could not start or continue.
    #[error("the server stopped: {0}")]
    Server(#[source] std::io::Error),
}

/// Serves the runs of a store until the process is interrupted. `ready` gets the address once the server answers; with
/// port 0 the system chooses the port.
///
/// Requests must name this server by an address, by `localhost`, or by one of `allowed_hosts`. Otherwise a web page could reach the
/// store by pointing its own host name at this machine (DNS rebinding).
///
/// # Errors
///
/// When the store cannot be read, or the address cannot be listened on.
pub fn serve(
    store: &Path,
    address: SocketAddr,
    allowed_hosts: Vec<String>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let store = Store::open(store).map_err(|source| ServeError::Store { path: store.to_owned(), source })?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Server)?;
    runtime.block_on(async {
        let listener =
            TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
        ready(listener.local_addr().map_err(ServeError::Server)?);
        let interrupted = async {
            // If the signal can't be handled, its default action ends the process.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            // Requests under way are cut off: Ctrl-C must not wait for a download.
            () = interrupted => Ok(()),
            result = connections::accept(listener, router(store, allowed_hosts)) => result.map_err(ServeError::Server),
        }
    })
}

/// The router of all pages.
pub fn router(store: Store, allowed_hosts: Vec<String>) -> Router {
    let allowed_hosts: Arc<[String]> = allowed_hosts.into();
    Router::new()
        .route("/", get(pages::index))
        .route("/style.css", get(pages::style))
        .route("/runs/{*path}", get(pages::run))
        .route("/files", get(pages::top_directory))
        .route("/files/", get(pages::top_directory))
        .route("/files/{*path}", get(download::file))
        .route("/text/{*path}", get(pages::text))
        .route("/zip/{*path}", get(download::archive))
        .route("/data/{*path}", get(data::columns))
        .route("/detail/{*path}", get(data::detail))
        .route("/history/{*path}", get(data::history))
        .route("/live/{*path}", get(live::events))
        .route("/compare", get(compare::page))
        .route("/delete/{*path}", get(delete::ask).post(delete::run))
        .route("/scripts/{name}", get(script::module))
        .fallback(|| async { Failure::Refused(Refusal::Missing) })
        .layer(middleware::from_fn(move |request, next| {
            require_host(Arc::clone(&allowed_hosts), request, next)
        }))
        .layer(middleware::from_fn(harden))
        .with_state(Arc::new(store))
}

/// The policy for pages and files in a browser: they may load our own style and pictures, and no scripts. Only the page of a run with a
/// journal has another: [`SCRIPT_POLICY`].
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The policy of that page: it also loads our own scripts, which fetch from this server alone. A file of a run is no script for a browser, as
/// none is sent with a type of one.
const SCRIPT_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Refuses requests with a foreign host name.
async fn require_host(allowed_hosts: Arc<[String]>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
    match host {
        Some(host) if is_own_name(host, &allowed_hosts) => next.run(request).await,
        _ => Failure::Host(host.unwrap_or_default().to_owned()).into_response(),
    }
}

/// Whether a Host header, with or without a port, is an address, `localhost`, or one of the names that are allowed.
fn is_own_name(host: &str, allowed_hosts: &[String]) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || allowed_hosts.iter().any(|allowed| name.eq_ignore_ascii_case(allowed))
}

/// Adds headers that keep browsers from running scripts, guessing types, or leaking addresses.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(PAGE_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // The content of an address can change at any moment, so browsers must not cache it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Why a request fails.
#[derive(Debug)]
enum Failure {
    Refused(Refusal),
    Host(String),
    Busy,
    /// A page of another server asks for a deletion.
    Foreign,
    /// The run to be deleted is going on.
    UnderWay,
    Io(std::io::Error),
    Page(askama::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Io(error)
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Failure::Page(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, sentence) = match self {
            Failure::Refused(Refusal::Missing) => {
                (StatusCode::NOT_FOUND, "There is no such page or file.".to_owned())
            }
            Failure::Refused(Refusal::Outside) => {
                (StatusCode::FORBIDDEN, "This path is outside the store, so it is not shown.".to_owned())
            }
            Failure::Host(host) => (
                StatusCode::MISDIRECTED_REQUEST,
                format!(
                    "This server does not answer to the host name {host:?}. Start it with --allow-host NAME to allow a name."
                ),
            ),
            Failure::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Other archives are being packed. Try again in a moment.".to_owned(),
            ),
            Failure::Foreign => (
                StatusCode::FORBIDDEN,
                "Only the page of this server that asks for confirmation can delete a run.".to_owned(),
            ),
            Failure::UnderWay => {
                (StatusCode::CONFLICT, "The run is going on. Stop it before you delete it.".to_owned())
            }
            Failure::Io(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                (StatusCode::FORBIDDEN, format!("The file is not shown: {error}."))
            }
            Failure::Io(error) => {
                (StatusCode::INTERNAL_SERVER_ERROR, format!("The file could not be read: {error}."))
            }
            Failure::Page(error) => {
                (StatusCode::INTERNAL_SERVER_ERROR, format!("The page could not be made: {error}."))
            }
        };
        match pages::message(&sentence) {
            Ok(page) => (status, Html(page)).into_response(),
            Err(_) => (status, sentence).into_response(),
        }
    }
}

/// Runs code that reads files on a thread where it does not block other requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Failure::Io(std::io::Error::other(error))),
    }
}

#[cfg(test)]
mod tests;
