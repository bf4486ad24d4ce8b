//! From a place and its credentials to one of OpenDAL's services and its settings.
//!
//! Variables are restic's; see "Environment Variables" in its manual.

use crate::http::Http;
use crate::open::{OpenError, wrong};
use crate::uri::{BucketPlace, S3Place};
use crate::{Options, Place};

use super::b2;

/// One of OpenDAL's services with its settings.
pub(super) struct Service {
    pub(super) scheme: &'static str,
    pub(super) settings: Vec<(String, String)>,
}

/// The services that are compiled in, as `opendal:SERVICE` names them.
const SERVICES: [&str; 6] = ["s3", "b2", "azblob", "gcs", "swift", "webdav"];

/// The service for a place.
pub(super) fn service(place: &Place, options: &Options, http: &Http) -> Result<Service, OpenError> {
    match place {
        Place::S3(place) => s3(place, options, http),
        Place::B2(place) => b2(place, options, http),
        Place::Azure(place) => azure(place, options),
        Place::Gcs(place) => Ok(gcs(place, options)),
        Place::Swift(place) => swift(place, options),
        Place::OpenDal(name) => named(name, options),
        _ => Err(unsupported(place, "it is no object storage")),
    }
}

fn unsupported(place: &Place, advice: &'static str) -> OpenError {
    OpenError::Unsupported { place: place.to_string(), advice }
}

/// Settings by name; those without a value are left out.
fn settings<const N: usize>(pairs: [(&str, Option<String>); N]) -> Vec<(String, String)> {
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn root(prefix: &str) -> Option<String> {
    Some(format!("/{prefix}"))
}

fn flag(is_set: bool) -> Option<String> {
    is_set.then(|| "true".to_owned())
}

fn s3(place: &S3Place, options: &Options, http: &Http) -> Result<Service, OpenError> {
    let anonymous = is_true(options, "s3.unsafe-anonymous-auth")?;
    let (key, secret) = (options.variable("AWS_ACCESS_KEY_ID"), options.variable("AWS_SECRET_ACCESS_KEY"));
    if !anonymous && (key.is_some() != secret.is_some() || (key.is_none() && !options.ambient)) {
        let variables = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        return Err(OpenError::Credentials { place: Place::S3(place.clone()).to_string(), variables });
    }
    let endpoint = if is_region(&place.endpoint) {
        format!("s3.{}.amazonaws.com", place.endpoint)
    } else {
        place.endpoint.clone()
    };
    let class = options.setting("s3.storage-class").map(str::to_owned);
    if let Some(class) = class.as_deref().filter(|class| ["GLACIER", "DEEP_ARCHIVE"].contains(class)) {
        return Err(wrong("s3.storage-class", class, "what lies there cannot be read without hours of waiting"));
    }
    let by_name = match options.setting("s3.bucket-lookup").unwrap_or("auto") {
        "dns" => true,
        "path" => false,
        "auto" => endpoint.ends_with(".amazonaws.com") && !place.bucket.contains('.'),
        other => return Err(wrong("s3.bucket-lookup", other, "auto, path and dns are known")),
    };
    Ok(Service {
        scheme: "s3",
        settings: settings([
            ("bucket", Some(place.bucket.clone())),
            ("root", root(&place.prefix)),
            ("endpoint", Some(format!("{}://{endpoint}", place.scheme))),
            ("region", Some(region(place, &endpoint, options, http))),
            ("access_key_id", key),
            ("secret_access_key", secret),
            ("session_token", options.variable("AWS_SESSION_TOKEN")),
            ("role_arn", options.variable("RESTIC_AWS_ASSUME_ROLE_ARN")),
            ("role_session_name", options.variable("RESTIC_AWS_ASSUME_ROLE_SESSION_NAME")),
            ("external_id", options.variable("RESTIC_AWS_ASSUME_ROLE_EXTERNAL_ID")),
            ("default_storage_class", class),
            ("enable_virtual_host_style", flag(by_name)),
            ("disable_list_objects_v2", flag(is_true(options, "s3.list-objects-v1")?)),
            ("skip_signature", flag(anonymous)),
            ("disable_config_load", flag(!options.ambient)),
            ("disable_ec2_metadata", flag(!options.ambient)),
            // The server proves that it got what we sent; buckets with object lock demand it.
            ("checksum_algorithm", Some("md5".to_owned())),
        ]),
    })
}

fn is_true(options: &Options, name: &str) -> Result<bool, OpenError> {
    match options.setting(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(wrong(name, other, "true and false are known")),
    }
}

/// Whether this looks like `eu-central-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) if words.len() >= 2 => {
            number.parse::<u8>().is_ok() && words.iter().all(|word| letters(word))
        }
        _ => false,
    }
}

/// The region that requests are signed for: given, in the endpoint's name, told by Amazon, or the one that servers without
/// regions take.
fn region(place: &S3Place, endpoint: &str, options: &Options, http: &Http) -> String {
    let given = options.setting("s3.region").map(str::to_owned);
    let given = given.or_else(|| options.variable("AWS_DEFAULT_REGION")).or_else(|| options.variable("AWS_REGION"));
    let named = || endpoint.split(['.', ':']).find(|part| is_region(part)).map(str::to_owned);
    let told = || if endpoint.ends_with(".amazonaws.com") { ask_region(place, endpoint, http) } else { None };
    given.or_else(named).or_else(told).unwrap_or_else(|| "us-east-1".to_owned())
}

/// Amazon tells a bucket's region to anyone, in a header of whatever it answers.
fn ask_region(place: &S3Place, endpoint: &str, http: &Http) -> Option<String> {
    let url = format!("{}://{endpoint}/{}", place.scheme, place.bucket);
    let request = ureq::http::Request::head(url).body(()).ok()?;
    let response = http.send(request, &[]).ok()?;
    let region = response.headers().get("x-amz-bucket-region")?.to_str().ok()?;
    is_region(region).then(|| region.to_owned())
}

fn b2(place: &BucketPlace, options: &Options, http: &Http) -> Result<Service, OpenError> {
    let (Some(id), Some(key)) = (options.variable("B2_ACCOUNT_ID"), options.variable("B2_ACCOUNT_KEY")) else {
        let variables = "B2_ACCOUNT_ID and B2_ACCOUNT_KEY";
        return Err(OpenError::Credentials { place: Place::B2(place.clone()).to_string(), variables });
    };
    let bucket_id =
        b2::bucket_id(b2::AUTHORIZE, &place.bucket, &id, &key, http).map_err(|error| crate::StoreError {
            kind: error.kind(),
            action: "find",
            what: format!("the bucket {}", place.bucket),
            location: Place::B2(place.clone()).to_string(),
            source: error.into(),
        })?;
    Ok(Service {
        scheme: "b2",
        settings: settings([
            ("bucket", Some(place.bucket.clone())),
            ("bucket_id", Some(bucket_id)),
            ("root", root(&place.prefix)),
            ("application_key_id", Some(id)),
            ("application_key", Some(key)),
        ]),
    })
}

fn azure(place: &BucketPlace, options: &Options) -> Result<Service, OpenError> {
    let variables = "AZURE_ACCOUNT_NAME, and AZURE_ACCOUNT_KEY or AZURE_ACCOUNT_SAS";
    let missing = || OpenError::Credentials { place: Place::Azure(place.clone()).to_string(), variables };
    let name = options.variable("AZURE_ACCOUNT_NAME").ok_or_else(missing)?;
    let (key, sas) = (options.variable("AZURE_ACCOUNT_KEY"), options.variable("AZURE_ACCOUNT_SAS"));
    if key.is_none() && sas.is_none() && !options.ambient {
        return Err(missing());
    }
    let suffix = options.variable("AZURE_ENDPOINT_SUFFIX").unwrap_or_else(|| "core.windows.net".to_owned());
    Ok(Service {
        scheme: "azblob",
        settings: settings([
            ("container", Some(place.bucket.clone())),
            ("root", root(&place.prefix)),
            ("endpoint", Some(format!("https://{name}.blob.{suffix}"))),
            ("account_name", Some(name)),
            ("account_key", key),
            ("sas_token", sas.map(|sas| sas.trim_start_matches('?').to_owned())),
        ]),
    })
}

fn gcs(place: &BucketPlace, options: &Options) -> Service {
    Service {
        scheme: "gcs",
        settings: settings([
            ("bucket", Some(place.bucket.clone())),
            ("root", root(&place.prefix)),
            ("token", options.variable("GOOGLE_ACCESS_TOKEN")),
            ("credential_path", options.variable("GOOGLE_APPLICATION_CREDENTIALS")),
            ("disable_config_load", flag(!options.ambient)),
            ("disable_vm_metadata", flag(!options.ambient)),
        ]),
    }
}

fn swift(place: &BucketPlace, options: &Options) -> Result<Service, OpenError> {
    let (Some(url), Some(token)) = (options.variable("OS_STORAGE_URL"), options.variable("OS_AUTH_TOKEN")) else {
        let variables =
            "OS_STORAGE_URL and OS_AUTH_TOKEN (`swift auth` prints both), or use rclone: with a swift remote";
        return Err(OpenError::Credentials { place: Place::Swift(place.clone()).to_string(), variables });
    };
    Ok(Service {
        scheme: "swift",
        settings: settings([
            ("container", Some(place.bucket.clone())),
            ("root", root(&place.prefix)),
            ("endpoint", Some(url)),
            ("token", Some(token)),
        ]),
    })
}

fn named(name: &str, options: &Options) -> Result<Service, OpenError> {
    let Some(scheme) = SERVICES.into_iter().find(|known| *known == name) else {
        let advice = "of OpenDAL's services it has s3, b2, azblob, gcs, swift and webdav; rclone: reaches others";
        return Err(unsupported(&Place::OpenDal(name.to_owned()), advice));
    };
    let own = options.settings.iter().filter(|(name, _)| !name.contains('.'));
    Ok(Service { scheme, settings: own.map(|(name, value)| (name.clone(), value.clone())).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tls;

    fn settings_of(place: &str, variables: &'static [(&str, &str)], given: &[(&str, &str)]) -> Result<String, String> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let mut options = Options::new(find);
        options.settings = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let http = Http::new(&Tls::default(), 1, crate::http::Way::Usual).unwrap();
        let service = service(&place.parse().unwrap(), &options, &http).map_err(|error| error.to_string())?;
        let pairs: Vec<String> = service.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(format!("{}: {}", service.scheme, pairs.join(" ")))
    }

    const AWS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key")];

    #[test]
    fn s3_settings_follow_from_the_endpoint() {
        let found = settings_of("s3:s3.eu-central-1.amazonaws.com/bucket/a/b", AWS, &[]).unwrap();
        assert!(
            found.starts_with("s3: bucket=bucket root=/a/b endpoint=https://s3.eu-central-1.amazonaws.com"),
            "{found}"
        );
        assert!(found.contains("region=eu-central-1 access_key_id=id secret_access_key=key"), "{found}");
        assert!(found.contains("enable_virtual_host_style=true"), "{found}");
        let found = settings_of("s3:eu-west-3/bucket", AWS, &[]).unwrap();
        assert!(found.contains("endpoint=https://s3.eu-west-3.amazonaws.com region=eu-west-3"), "{found}");
        let found = settings_of("s3:http://minio:9000/bucket", AWS, &[]).unwrap();
        assert!(found.contains("endpoint=http://minio:9000 region=us-east-1"), "{found}");
        assert!(!found.contains("virtual_host"), "{found}");
        let given = [("s3.region", "garage"), ("s3.bucket-lookup", "dns"), ("s3.storage-class", "STANDARD_IA")];
        let found = settings_of("s3:https://host/bucket", AWS, &given).unwrap();
        assert!(found.contains("region=garage") && found.contains("virtual_host"), "{found}");
        assert!(found.contains("default_storage_class=STANDARD_IA"), "{found}");
    }

    #[test]
    fn missing_credentials_are_named() {
        for (place, variable) in [
            ("s3:host/bucket", "AWS_ACCESS_KEY_ID"),
            ("b2:bucketname:", "B2_ACCOUNT_KEY"),
            ("azure:container:/", "AZURE_ACCOUNT_NAME"),
            ("swift:container:/", "OS_AUTH_TOKEN"),
        ] {
            let error = settings_of(place, &[], &[]).unwrap_err();
            assert!(error.contains(variable) && error.contains(place), "{error}");
        }
        let half: &[(&str, &str)] = &[("AWS_SECRET_ACCESS_KEY", "hunter2")];
        let error = settings_of("s3:host/bucket", half, &[]).unwrap_err();
        assert!(error.contains("AWS_ACCESS_KEY_ID") && !error.contains("hunter2"), "{error}");
        settings_of("s3:host/bucket", &[], &[("s3.unsafe-anonymous-auth", "true")]).unwrap();
    }

    #[test]
    fn other_services_get_restics_variables() {
        let azure: &[(&str, &str)] = &[("AZURE_ACCOUNT_NAME", "ann"), ("AZURE_ACCOUNT_SAS", "?sv=1")];
        let found = settings_of("azure:box:/x", azure, &[]).unwrap();
        assert!(
            found.contains("endpoint=https://ann.blob.core.windows.net account_name=ann sas_token=sv=1"),
            "{found}"
        );
        let found = settings_of("gs:box:/x", &[("GOOGLE_ACCESS_TOKEN", "t")], &[]).unwrap();
        assert!(found.starts_with("gcs: bucket=box root=/x token=t disable_config_load=true"), "{found}");
        let found = settings_of("opendal:webdav", &[], &[("endpoint", "http://h/"), ("s3.region", "x")]).unwrap();
        assert_eq!(found, "webdav: endpoint=http://h/");
        assert!(settings_of("opendal:ftp", &[], &[]).unwrap_err().contains("webdav"));
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for given in [("s3.bucket-lookup", "maybe"), ("s3.list-objects-v1", "1"), ("s3.storage-class", "GLACIER")] {
            assert!(settings_of("s3:host/bucket", AWS, &[given]).unwrap_err().contains(given.0), "{given:?}");
        }
    }
}
