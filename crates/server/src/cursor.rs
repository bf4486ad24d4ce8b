//! Cursors: where a list goes on, as a text that only this server reads.
//!
//! A cursor knows of which list and order it is, so that it is refused where it would lead astray.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_api::Code;

use crate::failure::Failure;

/// Longer ones were not made here.
const LONGEST: usize = 2000;

/// The cursor of a list behind a row, which is told by what it is sorted by and its id.
pub(crate) fn write(list: &str, key: &str, uid: &str) -> String {
    let parts = serde_json::to_vec(&[list, key, uid]).expect("texts can be written");
    URL_SAFE_NO_PAD.encode(parts)
}

/// What a row is sorted by and its id, from a cursor of this list.
pub(crate) fn read(list: &str, cursor: &str) -> Result<(String, String), Failure> {
    let parts = Some(cursor)
        .filter(|cursor| cursor.len() <= LONGEST)
        .and_then(|cursor| URL_SAFE_NO_PAD.decode(cursor).ok())
        .and_then(|bytes| serde_json::from_slice::<[String; 3]>(&bytes).ok());
    match parts {
        Some([of, key, uid]) if of == list => Ok((key, uid)),
        _ => Err(wrong()),
    }
}

/// A cursor that is not one of this list.
pub(crate) fn wrong() -> Failure {
    Failure::new(
        Code::InvalidCursor,
        "this is no cursor of this list in this order: give back next_cursor as it was answered, with the same sort",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_on_in_its_own_list_alone() {
        let cursor = write("client name", "größer", "id");
        assert_eq!(read("client name", &cursor).unwrap(), ("größer".to_owned(), "id".to_owned()));
        for (list, cursor) in
            [("client -name", cursor.as_str()), ("client name", ""), ("client name", "!"), ("x", "W10")]
        {
            assert_eq!(read(list, cursor).unwrap_err().problem().code, Code::InvalidCursor);
        }
    }
}
