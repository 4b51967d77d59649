//! Whether the tables are in the region that this node was told: a node that writes elsewhere is a second writer to the
//! rows of that region's own.

use aws_sdk_dynamodb::types::TableDescription;
use storage::StoreError;
use storage::error::Result;

use crate::{DynamoDbError, DynamoDbOptions};

/// Refuses addresses that say of themselves that they are in another region.
pub(crate) fn check_endpoints(options: &DynamoDbOptions) -> Result<()> {
    let found = |url: &Option<String>| url.as_deref().and_then(of_url).map(str::to_owned);
    refuse_other(&options.region, "the endpoint", found(&options.endpoint_url))?;
    match &options.records_home {
        Some(home) => refuse_other(&home.region, "the endpoint of records", found(&home.endpoint_url)),
        None => Ok(()),
    }
}

/// Refuses a table whose name (ARN) says that it is in another region. DynamoDB Local and Alternator do not say.
pub(crate) fn check_table(region: &str, table: &TableDescription) -> Result<()> {
    let name = table.table_name().unwrap_or_default();
    let found = table.table_arn().and_then(of_arn).map(str::to_owned);
    refuse_other(region, &format!("table `{name}`"), found)
}

fn refuse_other(configured: &str, what: &str, found: Option<String>) -> Result<()> {
    match found {
        Some(found) if found != configured => {
            let (configured, what) = (configured.to_owned(), what.to_owned());
            Err(StoreError::Unavailable(DynamoDbError::OtherRegion { configured, what, found }.into()))
        }
        _ => Ok(()),
    }
}

/// `arn:PARTITION:dynamodb:REGION:ACCOUNT:table/NAME`.
fn of_arn(arn: &str) -> Option<&str> {
    arn.split(':').nth(3).filter(|region| is_region(region))
}

/// `…dynamodb.REGION.amazonaws.com`, `….dynamodb.REGION.vpce.amazonaws.com`, `ACCOUNT.ddb.REGION.…`.
fn of_url(url: &str) -> Option<&str> {
    let host = url.split("//").nth(1)?.split(['/', ':']).next()?;
    if !host.contains("amazonaws.") && !host.ends_with(".api.aws") {
        return None;
    }
    let mut labels =
        host.split('.').skip_while(|label| !matches!(*label, "dynamodb" | "dynamodb-fips" | "ddb"));
    labels.nth(1).filter(|region| is_region(region))
}

/// `eu-west-1`, `us-gov-east-1`: DynamoDB Local calls its own `ddblocal`.
fn is_region(text: &str) -> bool {
    text.split('-').count() >= 3 && text.ends_with(|last: char| last.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_its_region_and_a_local_one_does_not() {
        assert_eq!(of_arn("arn:aws:dynamodb:eu-west-1:123456789012:table/x"), Some("eu-west-1"));
        assert_eq!(of_arn("arn:aws-us-gov:dynamodb:us-gov-east-1:1:table/x"), Some("us-gov-east-1"));
        assert_eq!(of_arn("arn:aws:dynamodb:ddblocal:000000000000:table/x"), None);
        assert_eq!(of_arn(""), None);
    }

    #[test]
    fn an_address_of_another_region_is_refused_before_anything_is_sent() {
        for (url, is_right) in [
            ("https://dynamodb.eu-west-1.amazonaws.com", true),
            ("https://dynamodb.us-east-1.amazonaws.com", false),
            ("https://vpce-1a-2b.dynamodb.us-east-1.vpce.amazonaws.com:443/", false),
            ("https://123456789012.ddb.us-east-1.amazonaws.com", false),
            ("https://dynamodb.us-east-1.api.aws", false),
            ("http://127.0.0.1:8000", true),
            ("http://dynamodb.shop.internal:8000", true),
        ] {
            let mut options = DynamoDbOptions::in_region("eu-west-1");
            options.endpoint_url = Some(url.to_owned());
            assert_eq!(check_endpoints(&options).is_ok(), is_right, "{url}");
        }
    }
}
