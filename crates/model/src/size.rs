//! Sizes in bytes, as people write and read them.
//!
//! All units are powers of 1024, as restic's are.

/// A text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a size: write bytes, or a whole number with K, M, G or T (powers of 1024) as in 512K or 5GiB")]
pub struct ParseSizeError {
    text: String,
}

/// Reads a size as restic does, `100`, `100B`, `512k` or `5G`; also `10MiB`. Returns bytes.
///
/// # Errors
/// Fails for anything else (`10MB` would be taken for a power of 1000 by some), and from 2^63 bytes on.
pub fn parse_size(text: &str) -> Result<u64, ParseSizeError> {
    let error = || ParseSizeError { text: text.chars().take(80).collect() };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        _ => return Err(error()),
    };
    let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    size.filter(|&size| size <= i64::MAX as u64).ok_or_else(error)
}

/// Writes a size as restic does: `17 B`, `1.500 KiB`, up to `TiB`.
pub fn format_size(bytes: u64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << shift {
            return format!("{:.3} {unit}", bytes as f64 / (1u64 << shift) as f64);
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("100", 100),
            ("7b", 7),
            ("7B", 7),
            ("512k", 512 << 10),
            ("1K", 1 << 10),
            ("10MiB", 10 << 20),
            ("5G", 5 << 30),
            ("5gib", 5 << 30),
            ("2T", 2 << 40),
            ("9223372036854775807", i64::MAX as u64),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "k", "1.5G", "-1", "+1", "10MB", "10 M", "1P", "8388608T", "99999999999999999999", "1é"] {
            let error = parse_size(text).unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_with_three_decimals() {
        let shown = [0, 1023, 1024, 1536, 1 << 20, 5 << 30, 1 << 40, u64::MAX].map(format_size);
        let expected =
            ["0 B", "1023 B", "1.000 KiB", "1.500 KiB", "1.000 MiB", "5.000 GiB", "1.000 TiB", "16777216.000 TiB"];
        assert_eq!(shown, expected);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[0-9]{0,20}[a-zA-Z]{0,3}|\\PC*") {
            if let Ok(size) = parse_size(&text) {
                prop_assert_eq!(parse_size(&size.to_string()), Ok(size));
            }
        }
    }
}
