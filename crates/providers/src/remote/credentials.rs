//! Who we are to a vendor: from a file or variables that settings name, or from where the vendor's
//! own tools look.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use object_store::aws::{AmazonS3Builder, AwsCredential, AwsCredentialProvider};
use object_store::azure::{AzureAccessKey, AzureCredential, AzureCredentialProvider, MicrosoftAzureBuilder, split_sas};
use object_store::client::StaticCredentialProvider;
use object_store::gcp::{GcpCredentialProvider, GoogleCloudStorageBuilder};
use object_store::{BackoffConfig, RetryConfig};
use thiserror::Error;

use super::wire::whole_chain;
use super::{AzurePlace, GcsPlace, S3Place};
use crate::http::Http;

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Requests are not signed: stand-ins, and stores on a network of their own.
    Anonymous,
    /// S3: an AWS credentials file with this profile. Azure: an account key, SAS token or connection
    /// string. Google: the JSON of a service account or of an authorised user.
    File { path: PathBuf, profile: String },
    /// Variables that begin with this and an underscore, so that sites of one vendor can differ.
    Variables(String),
    /// Variables and files of the vendor's own tools, then the machine's identity.
    Chain,
}

/// The profile that is meant when none is named.
pub const DEFAULT_PROFILE: &str = "default";

/// Credentials that were not found or make no sense. Secrets are never in the message.
#[derive(Debug, Error)]
pub enum CredentialError {
    #[error("the credentials in `{path}` cannot be used: {reason}")]
    File { path: String, reason: String },
    #[error("the variable {0} is not set: set it, or name a file with `credentials`")]
    NoVariable(String),
    #[error("the variable {0} cannot be used: {1}")]
    BadVariable(String, String),
    #[error("no credentials: {0}")]
    Chain(String),
}

/// `None` when requests are not signed.
pub fn s3(from: &Credentials, place: &S3Place, http: &Http) -> Result<Option<AwsCredentialProvider>, CredentialError> {
    let fixed = |credential| Some(Arc::new(StaticCredentialProvider::new(credential)) as AwsCredentialProvider);
    match from {
        Credentials::Anonymous => Ok(None),
        Credentials::File { path, profile } => aws_file(path, profile).map(fixed),
        Credentials::Variables(prefix) => {
            let key_id = variable(prefix, "ACCESS_KEY_ID")?;
            let secret_key = variable(prefix, "SECRET_ACCESS_KEY")?;
            Ok(fixed(AwsCredential { key_id, secret_key, token: variable(prefix, "SESSION_TOKEN").ok() }))
        }
        Credentials::Chain => match usual_aws_file().filter(|_| !aws_variables()) {
            Some(path) => {
                let profile = env::var("AWS_PROFILE").unwrap_or_else(|_| DEFAULT_PROFILE.to_owned());
                aws_file(&path, &profile).map(fixed)
            }
            None => aws_chain(place, http).map(Some),
        },
    }
}

/// Whether variables name an identity, which comes before the shared file.
fn aws_variables() -> bool {
    const NAMES: [&str; 4] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    NAMES.iter().any(|name| env::var_os(name).is_some())
}

fn usual_aws_file() -> Option<PathBuf> {
    let named = env::var_os("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
    let usual = || env::var_os("HOME").map(|home| Path::new(&home).join(".aws/credentials"));
    named.or_else(usual).filter(|path| path.exists())
}

fn aws_chain(place: &S3Place, http: &Http) -> Result<AwsCredentialProvider, CredentialError> {
    let builder = AmazonS3Builder::from_env().with_bucket_name(&place.bucket).with_region(&place.region);
    let store = builder.with_http_connector(http.clone()).with_retry(no_retries()).build();
    store.map(|store| Arc::clone(store.credentials())).map_err(|error| CredentialError::Chain(whole_chain(&error)))
}

fn aws_file(path: &Path, profile: &str) -> Result<AwsCredential, CredentialError> {
    let bad = |reason: String| CredentialError::File { path: path.display().to_string(), reason };
    let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    profile_of(&text, profile).map_err(bad)
}

/// One profile of an AWS credentials file.
fn profile_of(text: &str, profile: &str) -> Result<AwsCredential, String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let heading = format!("[{profile}]");
    if !lines.any(|line| line == heading) {
        return Err(format!("there is no profile `{profile}` in it"));
    }
    let settings: Vec<_> =
        lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('=')).collect();
    let value = |name: &str| {
        let found = settings.iter().find(|(known, _)| known.trim().eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let must = |name: &str| value(name).ok_or_else(|| format!("profile `{profile}` has no {name}"));
    Ok(AwsCredential {
        key_id: must("aws_access_key_id")?,
        secret_key: must("aws_secret_access_key")?,
        token: value("aws_session_token"),
    })
}

/// `None` when requests are not signed.
pub fn azure(
    from: &Credentials,
    place: &AzurePlace,
    http: &Http,
) -> Result<Option<AzureCredentialProvider>, CredentialError> {
    let fixed = |credential| Some(Arc::new(StaticCredentialProvider::new(credential)) as AzureCredentialProvider);
    match from {
        Credentials::Anonymous => Ok(None),
        Credentials::File { path, .. } => {
            let bad = |reason: String| CredentialError::File { path: path.display().to_string(), reason };
            let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
            azure_secret(&text).map(fixed).map_err(bad)
        }
        Credentials::Variables(prefix) => {
            if let Some((name, secret)) = ["ACCOUNT_KEY", "SAS_TOKEN"]
                .iter()
                .find_map(|name| variable(prefix, name).ok().map(|secret| (format!("{prefix}_{name}"), secret)))
            {
                let secret = azure_secret(&secret);
                return secret.map(fixed).map_err(|reason| CredentialError::BadVariable(name, reason));
            }
            let id =
                variable(prefix, "CLIENT_ID").map_err(|_| none_of(prefix, "ACCOUNT_KEY, SAS_TOKEN or CLIENT_ID"))?;
            let secret = variable(prefix, "CLIENT_SECRET")?;
            let tenant = variable(prefix, "TENANT_ID")?;
            azure_built(MicrosoftAzureBuilder::new().with_client_secret_authorization(id, secret, tenant), place, http)
        }
        Credentials::Chain => azure_built(MicrosoftAzureBuilder::from_env(), place, http),
    }
}

fn azure_built(
    builder: MicrosoftAzureBuilder,
    place: &AzurePlace,
    http: &Http,
) -> Result<Option<AzureCredentialProvider>, CredentialError> {
    let builder = builder.with_account(&place.account).with_container_name(&place.container);
    let store = builder.with_http_connector(http.clone()).with_retry(no_retries()).build();
    let store = store.map_err(|error| CredentialError::Chain(whole_chain(&error)))?;
    Ok(Some(Arc::clone(store.credentials())))
}

/// An account key, a SAS token, or a connection string with one of them.
fn azure_secret(text: &str) -> Result<AzureCredential, String> {
    let text = text.trim();
    let part = |name: &str| text.split(';').find_map(|part| part.trim().strip_prefix(name));
    if let Some(sas) = part("SharedAccessSignature=").or_else(|| text.contains("sig=").then_some(text)) {
        return split_sas(sas).map(AzureCredential::SASToken).map_err(|_| "it is no SAS token".to_owned());
    }
    let key = part("AccountKey=").unwrap_or(text);
    let key = AzureAccessKey::try_new(key).map_err(|_| {
        "it is no account key (base64), no SAS token (with `sig=`) and no connection string (with `AccountKey=`)"
            .to_owned()
    })?;
    Ok(AzureCredential::AccessKey(key))
}

/// `None` when requests are not signed.
pub fn gcs(
    from: &Credentials,
    place: &GcsPlace,
    http: &Http,
) -> Result<Option<GcpCredentialProvider>, CredentialError> {
    let builder = GoogleCloudStorageBuilder::new();
    match from {
        Credentials::Anonymous => Ok(None),
        Credentials::File { path, .. } => {
            let shown = path.display().to_string();
            let bad = |reason: String| CredentialError::File { path: shown.clone(), reason };
            if let Err(error) = fs::metadata(path) {
                return Err(bad(error.to_string()));
            }
            gcs_built(builder.with_application_credentials(shown.clone()), place, http).map_err(bad)
        }
        Credentials::Variables(prefix) => {
            let key = variable(prefix, "SERVICE_ACCOUNT_KEY")?;
            let name = format!("{prefix}_SERVICE_ACCOUNT_KEY");
            let built = gcs_built(builder.with_service_account_key(key), place, http);
            built.map_err(|reason| CredentialError::BadVariable(name, reason))
        }
        Credentials::Chain => {
            gcs_built(GoogleCloudStorageBuilder::from_env(), place, http).map_err(CredentialError::Chain)
        }
    }
}

fn gcs_built(
    builder: GoogleCloudStorageBuilder,
    place: &GcsPlace,
    http: &Http,
) -> Result<Option<GcpCredentialProvider>, String> {
    let builder = builder.with_bucket_name(&place.bucket).with_http_connector(http.clone());
    let store = builder.with_retry(no_retries()).build();
    store.map(|store| Some(Arc::clone(store.credentials()))).map_err(|error| whole_chain(&error))
}

/// A token that is not had at once fails the request that wanted it: trying again is for those who
/// try requests again.
fn no_retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 0, retry_timeout: Duration::from_secs(10) }
}

fn variable(prefix: &str, name: &str) -> Result<String, CredentialError> {
    let name = format!("{prefix}_{name}");
    env::var(&name).ok().filter(|value| !value.is_empty()).ok_or(CredentialError::NoVariable(name))
}

fn none_of(prefix: &str, names: &str) -> CredentialError {
    CredentialError::NoVariable(format!("{prefix}_{names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
        # ours
        [default]
        aws_access_key_id = A
        aws_secret_access_key=B=
        [other]
        AWS_ACCESS_KEY_ID=C
        aws_secret_access_key = D
        aws_session_token = E
        [half]
        aws_access_key_id = F
    ";

    #[test]
    fn a_profile_of_an_aws_file_is_read_whole_or_not_at_all() {
        let read = |profile| profile_of(FILE, profile).map(|found| (found.key_id, found.secret_key, found.token));
        assert_eq!(read("default"), Ok(("A".to_owned(), "B=".to_owned(), None)));
        assert_eq!(read("other"), Ok(("C".to_owned(), "D".to_owned(), Some("E".to_owned()))));
        for (profile, says) in [("half", "no aws_secret_access_key"), ("none", "no profile `none`")] {
            let error = read(profile).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn azure_secrets_are_known_by_their_form() {
        let kind = |text: &str| match azure_secret(text) {
            Ok(AzureCredential::AccessKey(_)) => "key",
            Ok(AzureCredential::SASToken(_)) => "sas",
            Ok(AzureCredential::BearerToken(_)) => "bearer",
            Err(_) => "none",
        };
        for (text, expected) in [
            ("a2V5\n", "key"),
            ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;", "key"),
            ("?sv=2023&sp=rw&sig=abc%3D", "sas"),
            ("BlobEndpoint=https://a/;SharedAccessSignature=sv=2023&sig=abc", "sas"),
            ("not a key", "none"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
        assert!(!azure_secret("s3cr3t!").unwrap_err().contains("s3cr3t"), "secrets stay out of messages");
    }

    #[test]
    fn variables_that_are_missing_are_named() {
        let error = variable("ENTENTE_TEST_NOWHERE", "ACCESS_KEY_ID").unwrap_err();
        assert!(error.to_string().contains("ENTENTE_TEST_NOWHERE_ACCESS_KEY_ID"), "{error}");
    }
}
