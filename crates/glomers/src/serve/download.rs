//! Files, and whole runs as archives. Both are streamed, so neither is held in memory.

use std::{
    io::{self, Read, Write},
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::header,
    response::{Html, IntoResponse, Response},
};
use futures::stream;
use tokio::{
    io::AsyncReadExt,
    sync::{Semaphore, mpsc},
};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    Failure, blocking, file_type, pages,
    store::{Refusal, Store},
};
use crate::run_directory::reading;

/// How much of a file is sent at once, in bytes.
const CHUNK: usize = 64 << 10;

/// How many chunks of an archive may wait for a slow reader.
const CHUNKS_AHEAD: usize = 16;

/// How many archives are packed at a time: each keeps a core busy.
static PACKING: Semaphore = Semaphore::const_new(2);

/// The policy for drawings and timelines in a browser: a sandbox in which only their own style applies.
const DRAWING_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/// A file of the store as it is, or the page of a directory.
pub(super) async fn file(
    State(store): State<Arc<Store>>,
    Path(path): Path<String>,
) -> Result<Response, Failure> {
    let resolved = store.resolve(&path)?;
    if resolved.is_dir() {
        return blocking(move || Ok(Html(pages::directory_page(&path, &resolved)?).into_response())).await;
    }
    let name = resolved.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let source = blocking(move || Ok(tokio::fs::File::from_std(reading::open_regular(&resolved)?))).await?;
    let length = source.metadata().await?.len();
    // No more is sent than was announced, even if the file is still growing.
    let chunks = stream::try_unfold((source, length), |(mut source, left)| async move {
        let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        let read = if chunk.is_empty() { 0 } else { source.read(&mut chunk).await? };
        chunk.truncate(read);
        Ok::<_, io::Error>((read > 0).then(|| (Bytes::from(chunk), (source, left - read as u64))))
    });
    let body = Body::from_stream(chunks);
    let headers = [
        (header::CONTENT_TYPE, file_type::content_type(&name)),
        (header::CONTENT_SECURITY_POLICY, DRAWING_POLICY),
    ];
    Ok((headers, [(header::CONTENT_LENGTH, length)], body).into_response())
}

/// A directory of the store, packed into one file.
pub(super) async fn archive(
    State(store): State<Arc<Store>>,
    Path(path): Path<String>,
) -> Result<Response, Failure> {
    let path = path.strip_suffix(".zip").unwrap_or(&path).to_owned();
    let directory = store.resolve(&path)?;
    if !directory.is_dir() {
        return Err(Refusal::Missing.into());
    }
    let Ok(place) = PACKING.try_acquire() else { return Err(Failure::Busy) };
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let top = path.replace('/', "-");
    let name: String = top
        .chars()
        .map(
            |character| {
                if character.is_ascii_alphanumeric() || "-_.".contains(character) { character } else { '_' }
            },
        )
        .collect();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = pack(&directory, &top, sender.clone()) {
            // The reader notices that the transfer breaks off. If the reader has gone, sending fails, which does not matter.
            let _ = sender.blocking_send(Err(error));
        }
        drop(place);
    });
    let chunks =
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.zip\"")),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// Writes an archive of a directory. Links are left out: they may lead anywhere.
fn pack(directory: &FilePath, top: &str, sender: mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut archive = ZipWriter::new_stream(Chunks { sender, buffer: Vec::new() });
    let options = SimpleFileOptions::default().large_file(true);
    let mut directories: Vec<(PathBuf, String)> = vec![(directory.to_owned(), top.to_owned())];
    while let Some((directory, name)) = directories.pop() {
        let mut entries: Vec<std::fs::DirEntry> = std::fs::read_dir(directory)?.collect::<io::Result<_>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                directories.push((entry.path(), name));
            } else if kind.is_file() {
                archive.start_file(name, options)?;
                let file = reading::open_regular(&entry.path())?;
                // The log of a running test may grow while it is read.
                let length = file.metadata()?.len();
                io::copy(&mut file.take(length), &mut archive)?;
            }
        }
    }
    archive.finish()?.into_inner().flush()
}

/// Collects what is written and sends it chunk by chunk, waiting for a slow reader.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Sends the rest.
    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.send() }
    }
}

impl Chunks {
    fn send(&mut self) -> io::Result<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        self.sender.blocking_send(Ok(chunk)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
