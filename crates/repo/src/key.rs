//! Key files: the master key of a repository, sealed under a password.
//!
//! What a key file says is believed only within bounds, because whoever can write to the storage can write key files:
//! scrypt's cost is capped. Source: restic's design document, "Keys, Encryption and MAC"; scrypt is RFC 7914.
//! Which keys a repository has, and which one to try, is not decided here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_model::KeyId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::crypto::{Key, fill_random};
use crate::time::{GO_ZERO, ZonedTime};

/// Bytes of salt: restic takes no other number.
const SALT: usize = 64;
/// Most memory that opening a key may take, in bytes. restic makes keys of up to 60 MiB, rustic of 128 MiB.
const MAX_MEMORY: u64 = 512 << 20;
/// Most work that opening a key may take, as N·r·p: about three seconds.
const MAX_WORK: u64 = 1 << 23;

/// Cost of scrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfCost {
    /// Binary logarithm of `N`.
    pub log_n: u8,
    /// Block size.
    pub r: u32,
    /// Parallelism; here: repetition.
    pub p: u32,
}

impl Default for KdfCost {
    /// 32 MiB and some 200 ms: what OWASP's Password Storage Cheat Sheet asks for at least, and within what restic's
    /// own calibration gives.
    fn default() -> Self {
        Self { log_n: 15, r: 8, p: 3 }
    }
}

/// Why a key file does not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFault {
    /// The password is not this key's.
    #[error("it was made for another password")]
    Password,
    /// The file is no key file.
    #[error("its document can't be understood")]
    Document(#[source] serde_json::Error),
    /// It asks for something that we don't do.
    #[error("{0}")]
    Content(&'static str),
}

/// A key file as it stands in the repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeyFile {
    /// rustic leaves out this and the next two unless it is told otherwise.
    #[serde(default = "no_time")]
    pub(crate) created: ZonedTime,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) username: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) hostname: String,
    kdf: String,
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    salt: Vec<u8>,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    data: Vec<u8>,
}

fn no_time() -> ZonedTime {
    GO_ZERO
}

fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A key file, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub id: KeyId,
    /// Whether the repository was opened with it.
    pub current: bool,
    /// Who made it.
    pub username: String,
    /// Where.
    pub hostname: String,
    /// When; [`GO_ZERO`] if it does not say.
    pub created: ZonedTime,
}

/// The master key as a key file holds it, sealed.
#[derive(Serialize, Deserialize)]
struct MasterKey {
    mac: MacKey,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    encrypt: Zeroizing<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct MacKey {
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    k: Zeroizing<Vec<u8>>,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    r: Zeroizing<Vec<u8>>,
}

impl KeyFile {
    /// Seals a master key under a password.
    pub(crate) fn seal(
        master: &Key,
        password: &[u8],
        cost: KdfCost,
        created: ZonedTime,
        made_by: (String, String),
    ) -> Self {
        let mut salt = vec![0; SALT];
        fill_random(&mut salt);
        let user_key = derive(password, &salt, cost).expect("a cost of our own is within the bounds");
        let document = MasterKey {
            mac: MacKey { k: master.mac_k().to_vec().into(), r: master.mac_r().to_vec().into() },
            encrypt: master.encrypt().to_vec().into(),
        };
        let document = Zeroizing::new(crate::json::to_vec(&document));
        Self {
            created,
            username: made_by.0,
            hostname: made_by.1,
            kdf: "scrypt".to_owned(),
            n: 1 << cost.log_n,
            r: cost.r,
            p: cost.p,
            salt,
            data: user_key.seal(&document),
        }
    }

    /// Reads a key file.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, KeyFault> {
        serde_json::from_slice(document).map_err(KeyFault::Document)
    }

    /// The master key, if the password is right.
    pub(crate) fn open(&self, password: &[u8]) -> Result<Key, KeyFault> {
        if self.kdf != "scrypt" {
            return Err(KeyFault::Content("its key derivation function is not scrypt"));
        }
        if self.salt.len() != SALT {
            return Err(KeyFault::Content("its salt does not have 64 bytes"));
        }
        if !self.n.is_power_of_two() {
            return Err(KeyFault::Content("its N is no power of two"));
        }
        let cost = KdfCost { log_n: self.n.ilog2() as u8, r: self.r, p: self.p };
        let user_key = derive(password, &self.salt, cost)?;
        let document = Zeroizing::new(user_key.open(&self.data).map_err(|_| KeyFault::Password)?);
        let master: MasterKey = serde_json::from_slice(&document).map_err(KeyFault::Document)?;
        let bytes = Zeroizing::new([master.encrypt.as_slice(), &master.mac.k, &master.mac.r].concat());
        let bytes = bytes.as_slice().try_into().map_err(|_| KeyFault::Content("its master key has a wrong length"))?;
        Key::from_bytes(bytes).map_err(|_| KeyFault::Content("its master key is zero"))
    }
}

/// The key that a password gives.
fn derive(password: &[u8], salt: &[u8], cost: KdfCost) -> Result<Key, KeyFault> {
    let fault = || KeyFault::Content("its scrypt parameters are out of bounds");
    if !(1..=30).contains(&cost.log_n) || cost.r == 0 || cost.p == 0 {
        return Err(fault());
    }
    let blocks = (1u64 << cost.log_n).checked_mul(u64::from(cost.r)).ok_or_else(fault)?;
    let work = blocks.checked_mul(u64::from(cost.p)).ok_or_else(fault)?;
    if blocks > MAX_MEMORY / 128 || work > MAX_WORK {
        return Err(fault());
    }
    let parameters = scrypt::Params::new(cost.log_n, cost.r, cost.p).map_err(|_| fault())?;
    let mut bytes = Zeroizing::new([0; 64]);
    scrypt::scrypt(password, salt, &parameters, &mut *bytes).map_err(|_| fault())?;
    Key::from_bytes(&bytes).map_err(|_| fault())
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zeroizing::new(STANDARD.encode(bytes)))
}

fn from_base64<'de, D: Deserializer<'de>, T: From<Vec<u8>>>(deserializer: D) -> Result<T, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    STANDARD.decode(&*text).map(T::from).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: KdfCost = KdfCost { log_n: 4, r: 1, p: 1 };

    fn key_file() -> (Key, KeyFile) {
        let master = Key::random();
        let file = KeyFile::seal(&master, b"secret", CHEAP, ZonedTime::default(), ("anna".into(), "host".into()));
        (master, file)
    }

    #[test]
    fn the_password_gives_the_master_key_back() {
        let (master, file) = key_file();
        let document = crate::json::to_vec(&file);
        let text = String::from_utf8(document.clone()).unwrap();
        let head = r#"{"created":"1970-01-01T00:00:00Z","username":"anna","hostname":"host","kdf":"scrypt","N":16,"r":1,"p":1,"salt":""#;
        assert!(text.starts_with(head), "{text}");
        let opened = KeyFile::parse(&document).unwrap().open(b"secret").unwrap();
        assert_eq!(opened.open(&master.seal(b"text")).unwrap(), b"text");
        assert!(matches!(KeyFile::parse(&document).unwrap().open(b"Secret"), Err(KeyFault::Password)));
    }

    #[test]
    fn a_key_file_of_rustic_says_neither_when_nor_by_whom_it_was_made() {
        let (master, file) = key_file();
        let mut document = serde_json::to_value(&file).unwrap();
        let fields = document.as_object_mut().unwrap();
        fields.remove("created").and(fields.remove("username")).unwrap();
        fields.insert("hostname".into(), serde_json::Value::Null);
        let read = KeyFile::parse(document.to_string().as_bytes()).unwrap();
        assert_eq!((read.created, &*read.username, &*read.hostname), (GO_ZERO, "", ""));
        assert_eq!(read.open(b"secret").unwrap().open(&master.seal(b"text")).unwrap(), b"text");
    }

    #[test]
    fn a_key_file_cannot_ask_for_more_memory_or_time_than_we_allow() {
        let (_, file) = key_file();
        for (n, r, p) in [
            (1 << 23, 8, 1),
            (1 << 40, 8, 1),
            (1 << 63, 1 << 31, 1),
            (16, 1, 1 << 30),
            (1 << 10, 1 << 22, 1),
            (1, 8, 1),
            (0, 8, 1),
            (3, 8, 1),
            (16, 0, 1),
            (16, 1, 0),
            (1 << 20, 4, 4),
        ] {
            let hostile = KeyFile { n, r, p, ..file.clone() };
            assert!(matches!(hostile.open(b"secret"), Err(KeyFault::Content(_))), "{n} {r} {p}");
        }
    }

    #[test]
    fn a_damaged_key_file_is_not_mistaken_for_a_wrong_password() {
        let (_, file) = key_file();
        assert!(matches!(KeyFile::parse(b"{}"), Err(KeyFault::Document(_))));
        assert!(matches!(KeyFile { salt: vec![0; 63], ..file.clone() }.open(b"secret"), Err(KeyFault::Content(_))));
        assert!(matches!(KeyFile { kdf: "argon2".into(), ..file }.open(b"secret"), Err(KeyFault::Content(_))));
    }
}
