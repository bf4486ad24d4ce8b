//! Sizes in bytes as restic's options write them: `512`, `20K`, `5M`, `2G`, `1T`, in powers of 1024.

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no size; write a number of bytes, or one with K, M, G or T, like 20M")]
pub struct ParseSizeError(String);

/// Reads a size. Lower-case letters and `iB` or `B` behind them are understood too.
pub fn parse_size(text: &str) -> Result<u64, ParseSizeError> {
    let error = || ParseSizeError(text.to_owned());
    let bare = text.strip_suffix("iB").or_else(|| text.strip_suffix(['B', 'b'])).unwrap_or(text);
    let (digits, shift) = match bare.char_indices().next_back() {
        Some((at, unit)) if !unit.is_ascii_digit() => {
            let power = "KMGT".find(unit.to_ascii_uppercase()).ok_or_else(error)? as u32 + 1;
            (&bare[..at], 10 * power)
        }
        _ => (bare, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(error());
    }
    let number: u64 = digits.parse().map_err(|_| error())?;
    number.checked_mul(1 << shift).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, size) in
            [("0", 0), ("512", 512), ("20K", 20 << 10), ("5m", 5 << 20), ("2GiB", 2 << 30), ("1T", 1 << 40)]
        {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for text in ["", "K", "-1", "1.5G", "1X", "99999999T", "iB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
