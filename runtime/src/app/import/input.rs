//! One input of an import: opened, recognised by its content, and decompressed while it is read.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::progress::Progress;
use crate::domain::fingerprint;

/// A file is recognised by so many bytes at its begin.
pub(super) const HEAD_BYTES: u64 = 64 << 10;
/// And so many at its end.
const TAIL_BYTES: u64 = 4 << 10;
const READ_BYTES: usize = 128 << 10;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Where lines come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportInput {
    /// Standard input.
    Stdin,
    /// A file, plain, gzip or zstd.
    File(PathBuf),
}

impl ImportInput {
    /// What it is called in messages and in the column for origins.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".into(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// How many bytes it has, as far as that is known before it is read.
    #[must_use]
    pub fn byte_len(&self) -> Option<u64> {
        let Self::File(path) = self else { return None };
        std::fs::metadata(path).ok().filter(Metadata::is_file).map(|metadata| metadata.len())
    }
}

/// An input that can be read.
#[derive(Debug)]
pub(super) struct Opened {
    file: Option<File>,
    /// What tells a file from others; none for what can be read only once.
    pub(super) identity: Option<Identity>,
}

/// What is known of a file besides its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) path: String,
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
}

impl Opened {
    /// Opens it. Standard input has nothing to open.
    pub(super) fn open(input: &ImportInput) -> io::Result<Self> {
        let ImportInput::File(path) = input else { return Ok(Self { file: None, identity: None }) };
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            let text = "it is a directory; name the files in it, such as `DIRECTORY/*.log`";
            return Err(io::Error::new(io::ErrorKind::IsADirectory, text));
        }
        let is_stream = kind.is_fifo() || kind.is_char_device() || kind.is_socket();
        let identity = (!is_stream).then(|| Identity::new(path, &metadata));
        Ok(Self { file: Some(file), identity })
    }

    /// The fingerprint of the first `length` bytes.
    pub(super) fn head(&self, length: u64) -> io::Result<u64> {
        self.fingerprint_of(0, length)
    }

    /// The fingerprint of the last bytes before `end`.
    pub(super) fn tail(&self, end: u64) -> io::Result<u64> {
        let length = end.min(TAIL_BYTES);
        self.fingerprint_of(end - length, length)
    }

    fn fingerprint_of(&self, start: u64, length: u64) -> io::Result<u64> {
        let Some(file) = &self.file else { return Ok(0) };
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact_at(&mut bytes, start)?;
        Ok(fingerprint(bytes))
    }

    /// What it holds, decompressed, from `offset` on.
    pub(super) fn read_from(
        self,
        offset: u64,
        progress: &Arc<Progress>,
    ) -> io::Result<Box<dyn Read + Send>> {
        let counted = |raw| Counted { raw, progress: Arc::clone(progress) };
        let Some(mut file) = self.file else { return decoded(counted(Box::new(io::stdin()))) };
        if offset == 0 {
            return decoded(counted(Box::new(file)));
        }
        let mut magic = Vec::new();
        file.by_ref().take(ZSTD.len() as u64).read_to_end(&mut magic)?;
        let is_plain = Compression::of(&magic).is_none();
        file.seek(SeekFrom::Start(if is_plain { offset } else { 0 }))?;
        let mut stream = decoded(counted(Box::new(file)))?;
        if is_plain {
            progress.skip(offset);
        } else {
            // Nothing tells where in the compressed bytes a position is.
            io::copy(&mut stream.by_ref().take(offset), &mut io::sink())?;
        }
        Ok(stream)
    }
}

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// As its first bytes say.
    fn of(start: &[u8]) -> Option<Self> {
        match start {
            _ if start.starts_with(GZIP) => Some(Self::Gzip),
            _ if start.starts_with(ZSTD) => Some(Self::Zstd),
            _ => None,
        }
    }
}

fn decoded(mut raw: Counted) -> io::Result<Box<dyn Read + Send>> {
    let mut start = Vec::new();
    raw.by_ref().take(ZSTD.len() as u64).read_to_end(&mut start)?;
    let compression = Compression::of(&start);
    let whole = io::Cursor::new(start).chain(raw);
    let buffered = |whole| BufReader::with_capacity(READ_BYTES, whole);
    Ok(match compression {
        None => Box::new(whole),
        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(buffered(whole))),
        Some(Compression::Zstd) => {
            Box::new(zstd::stream::read::Decoder::with_buffer(buffered(whole))?)
        }
    })
}

/// Tells how much is read.
struct Counted {
    raw: Box<dyn Read + Send>,
    progress: Arc<Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.progress.read(count as u64);
        Ok(count)
    }
}

impl Identity {
    fn new(path: &Path, metadata: &Metadata) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            path: path.display().to_string(),
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
        }
    }
}
