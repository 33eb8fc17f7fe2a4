//! What a file is before it is a history: plain text, compressed, or something that is named and not read.

use std::io::{self, BufRead, Chain, Cursor, Read};

#[cfg(feature = "compressed")]
use std::io::BufReader;

use crate::HistoryError;

/// How much of a file is looked at first to tell what it is, in bytes.
const BEGINNING_BYTES: usize = 8 << 10;

/// How far a log's first operation is looked for, in bytes: Jepsen prints its whole configuration before it.
const PREAMBLE_BYTES: usize = 4 << 20;

/// A source, with what has been read of it to tell its format put back.
pub(super) type Begun<R> = Chain<Cursor<Vec<u8>>, R>;

/// A file as the text that it holds.
pub(super) enum Text<R> {
    Plain(Begun<R>),
    #[cfg(feature = "compressed")]
    Gzip(Box<BufReader<flate2::bufread::MultiGzDecoder<Begun<R>>>>),
    #[cfg(feature = "compressed")]
    Zstd(Box<BufReader<zstd::Decoder<'static, Begun<R>>>>),
}

impl<R: BufRead> Text<R> {
    /// Looks at the beginning of a file, and undoes its compression.
    ///
    /// # Errors
    /// The source cannot be read, or it is in a format that is named and not read.
    pub(super) fn open(mut source: R) -> Result<Self, HistoryError> {
        let mut beginning = Vec::new();
        source.by_ref().take(8).read_to_end(&mut beginning)?;
        let container = beginning.clone();
        let begun = Cursor::new(beginning).chain(source);
        match &container[..] {
            [0x1f, 0x8b, ..] => gzip(begun),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd(begun),
            bytes => match foreign(bytes) {
                Some((format, advice)) => Err(HistoryError::Foreign { format, advice }),
                None => Ok(Self::Plain(begun)),
            },
        }
    }
}

#[cfg(feature = "compressed")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature there is no decoder, and this is an error")]
fn gzip<R: BufRead>(begun: Begun<R>) -> Result<Text<R>, HistoryError> {
    Ok(Text::Gzip(Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(begun)))))
}

#[cfg(feature = "compressed")]
fn zstd<R: BufRead>(begun: Begun<R>) -> Result<Text<R>, HistoryError> {
    Ok(Text::Zstd(Box::new(BufReader::new(zstd::Decoder::with_buffer(begun)?))))
}

#[cfg(not(feature = "compressed"))]
fn gzip<R>(_: Begun<R>) -> Result<Text<R>, HistoryError> {
    Err(HistoryError::Foreign {
        format: "a file compressed by gzip",
        advice: "decompress it with gunzip, or build glomers-check with the feature `compressed`",
    })
}

#[cfg(not(feature = "compressed"))]
fn zstd<R>(_: Begun<R>) -> Result<Text<R>, HistoryError> {
    Err(HistoryError::Foreign {
        format: "a file compressed by zstd",
        advice: "decompress it with unzstd, or build glomers-check with the feature `compressed`",
    })
}

/// The name of a format that is not read, and what to do with it, as the first bytes of the file tell.
fn foreign(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    Some(match bytes {
        [b'J', b'E', b'P', b'S', b'E', b'N', ..] => (
            "Jepsen's binary format (test.jepsen)",
            "Jepsen writes the same operations to history.edn in the same directory; name that file or the directory",
        ),
        [0xff, 0xfe, ..]
        | [0xfe, 0xff, ..]
        | [0, b'{' | b'[' | b'(' | b'#', ..]
        | [b'{' | b'[' | b'(' | b'#', 0, ..] => {
            ("text in UTF-16", "convert it with `iconv -f UTF-16 -t UTF-8`")
        }
        [0xfd, b'7', b'z', b'X', b'Z', ..] => ("a file compressed by xz", "decompress it with unxz"),
        [b'B', b'Z', b'h', ..] => ("a file compressed by bzip2", "decompress it with bunzip2"),
        [b'P', b'K', 3, 4, ..] => ("a zip archive", "unpack it, and name the history in it"),
        _ => return None,
    })
}

/// Looks at the beginning of a text until it can be told apart, and puts it back without its byte order mark.
///
/// # Errors
/// The source cannot be read.
pub(super) fn beginning<R: BufRead, T>(
    mut text: R,
    tell: impl Fn(&[u8]) -> Option<T>,
) -> io::Result<(Option<T>, Begun<R>)> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let mut bytes = Vec::new();
    let mut told = None;
    for limit in [BEGINNING_BYTES, PREAMBLE_BYTES] {
        let missing = limit.saturating_sub(bytes.len()) as u64;
        let count = text.by_ref().take(missing).read_to_end(&mut bytes)?;
        if bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        told = tell(&bytes);
        if told.is_some() || count == 0 {
            break;
        }
    }
    Ok((told, Cursor::new(bytes).chain(text)))
}

impl<R: BufRead> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(source) => source.read(buffer),
            #[cfg(feature = "compressed")]
            Self::Gzip(source) => source.read(buffer),
            #[cfg(feature = "compressed")]
            Self::Zstd(source) => source.read(buffer),
        }
    }
}

impl<R: BufRead> BufRead for Text<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(source) => source.fill_buf(),
            #[cfg(feature = "compressed")]
            Self::Gzip(source) => source.fill_buf(),
            #[cfg(feature = "compressed")]
            Self::Zstd(source) => source.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        match self {
            Self::Plain(source) => source.consume(count),
            #[cfg(feature = "compressed")]
            Self::Gzip(source) => source.consume(count),
            #[cfg(feature = "compressed")]
            Self::Zstd(source) => source.consume(count),
        }
    }
}
