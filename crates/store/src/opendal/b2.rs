//! Backblaze's id of a bucket, which OpenDAL wants beside the name.
//!
//! Source: B2's native interface, version 3: `b2_authorize_account`, `b2_list_buckets`.

use serde::Deserialize;
use ureq::http::Request;

use crate::Secret;
use crate::http::{Http, HttpError, basic_login, whole_body};

/// Where an account is authorized.
pub(super) const AUTHORIZE: &str = "https://api.backblazeb2.com/b2api/v3/b2_authorize_account";

/// More than these answers ever take, in bytes.
const MAX_ANSWER: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    account_id: String,
    authorization_token: String,
    api_info: ApiInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiInfo {
    storage_api: StorageApi,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StorageApi {
    api_url: String,
    /// Set if the key is for one bucket only; then it may not list any.
    bucket_id: Option<String>,
    bucket_name: Option<String>,
}

#[derive(Deserialize)]
struct Buckets {
    buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    bucket_id: String,
    bucket_name: String,
}

/// The id of the bucket `name`, for the key `id` with its secret `key`.
pub(super) fn bucket_id(authorize: &str, name: &str, id: &str, key: &str, http: &Http) -> Result<String, HttpError> {
    let login = basic_login(id, &Secret::new(key));
    let request = Request::get(authorize).header("authorization", login).body(()).map_err(broken)?;
    let account: Account = parse(http.succeed(request, &[])?)?;
    let api = account.api_info.storage_api;
    if let (Some(found), Some(known)) = (api.bucket_id, api.bucket_name) {
        return if known == name {
            Ok(found)
        } else {
            Err(HttpError::Nonsense(format!("the key is for the bucket {known}")))
        };
    }
    let question = serde_json::json!({ "accountId": account.account_id, "bucketName": name }).to_string();
    let mut token = ureq::http::HeaderValue::try_from(account.authorization_token).map_err(|e| broken(e.into()))?;
    token.set_sensitive(true);
    let request = Request::post(format!("{}/b2api/v3/b2_list_buckets", api.api_url));
    let request = request.header("authorization", token).body(()).map_err(broken)?;
    let found: Buckets = parse(http.succeed(request, &[question.as_bytes()])?)?;
    let bucket = found.buckets.into_iter().find(|bucket| bucket.bucket_name == name);
    bucket.map(|bucket| bucket.bucket_id).ok_or_else(|| HttpError::Nonsense("there is no such bucket".to_owned()))
}

fn broken(error: ureq::http::Error) -> HttpError {
    HttpError::Transport(error.into())
}

fn parse<T: for<'de> Deserialize<'de>>(response: ureq::http::Response<ureq::Body>) -> Result<T, HttpError> {
    let bytes = whole_body(response, MAX_ANSWER)?;
    serde_json::from_slice(&bytes).map_err(|error| HttpError::Nonsense(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::Tls;

    /// A server that gives one answer after the other, in which `HERE` is its own address, and tells the requests' heads.
    fn server(answers: &'static [&'static str]) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let address = here.clone();
        let serve = move || {
            let answer = |body: &&str| {
                let mut stream = listener.accept().unwrap().0;
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let body = body.replace("HERE", &here);
                write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                    .unwrap();
                head.join("\n")
            };
            answers.iter().map(answer).collect()
        };
        (address, std::thread::spawn(serve))
    }

    fn ask(answers: &'static [&'static str]) -> (Result<String, HttpError>, Vec<String>) {
        let (address, heads) = server(answers);
        let http = Http::new(&Tls::default(), 1, crate::http::Way::Usual).unwrap();
        let found = bucket_id(&format!("{address}/authorize"), "bucketname", "id", "key", &http);
        (found, heads.join().unwrap())
    }

    #[test]
    fn a_key_for_one_bucket_tells_its_id() {
        const ANSWER: &str = r#"{"accountId":"a","authorizationToken":"t","apiInfo":{"storageApi":
            {"apiUrl":"HERE","bucketId":"b1","bucketName":"bucketname"}}}"#;
        let (found, heads) = ask(&[ANSWER]);
        assert_eq!(found.unwrap(), "b1");
        assert!(heads[0].contains("Basic aWQ6a2V5"), "{heads:?}");
    }

    #[test]
    fn otherwise_the_bucket_is_looked_up() {
        const ACCOUNT: &str = r#"{"accountId":"a","authorizationToken":"t","apiInfo":{"storageApi":
            {"apiUrl":"HERE","bucketId":null,"bucketName":null}}}"#;
        let (found, heads) = ask(&[ACCOUNT, r#"{"buckets":[{"bucketId":"b2","bucketName":"bucketname"}]}"#]);
        assert_eq!(found.unwrap(), "b2");
        assert!(heads[1].starts_with("POST /b2api/v3/b2_list_buckets") && heads[1].contains(": t"), "{heads:?}");
        let (found, _) = ask(&[ACCOUNT, r#"{"buckets":[]}"#]);
        assert!(found.unwrap_err().to_string().contains("no such bucket"));
    }
}
