//! Every bound of the protocol. A side that meets more than this ends the session: nothing is allocated first.

/// Bytes of one encoded message.
pub const MAX_MESSAGE: usize = 1 << 20;
/// Decoded bytes of one data frame.
pub const MAX_DATA: usize = 1 << 20;
/// Bytes of one chunk or blob.
pub const MAX_CHUNK: usize = 8 << 20;
/// Bytes of one blob as it is stored: data that does not compress grows a little.
pub const MAX_STORED_BLOB: usize = MAX_CHUNK + (64 << 10);
/// Chunks of one file: the answer to all of them must fit one message.
pub const MAX_FILE_CHUNKS: u32 = 8_000_000;
/// Bytes of one name in a directory.
pub const MAX_NAME: usize = 255;
/// Bytes of one path from the root of the file system.
pub const MAX_PATH: usize = 512 << 10;
/// Components of one path.
pub const MAX_DEPTH: usize = 2048;
/// Bytes of the path of a home directory.
pub const MAX_HOME: usize = 4 << 10;
/// Bytes of the target of a symbolic link.
pub const MAX_LINK_TARGET: usize = 64 << 10;
/// Bytes of all extended attributes of one entry, names and values.
pub const MAX_XATTRS: usize = 256 << 10;
/// Bytes of the name of one extended attribute.
pub const MAX_XATTR_NAME: usize = 255;
/// Bytes of the name of a user or group.
pub const MAX_OWNER_NAME: usize = 255;
/// Entries of one directory that an agent lists. A server may take fewer: it keeps them until the directory is complete.
pub const MAX_DIR_ENTRIES: u32 = 16_000_000;
/// Bytes of one line of text meant for people.
pub const MAX_TEXT: usize = 4 << 10;
/// Bytes of a command's standard error that are kept: its end.
pub const MAX_STDERR: usize = 16 << 10;
/// Bytes of a command line: what Linux lets one argument have.
pub const MAX_COMMAND: usize = (128 << 10) - 1;
/// Bytes of one pattern of a filter.
pub const MAX_PATTERN: usize = 64 << 10;
/// Bytes that are kept of what came instead of the preface.
pub const MAX_NOISE: usize = 512;
