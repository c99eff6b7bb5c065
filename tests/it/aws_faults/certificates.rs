//! TLS of endpoints and of RDS.

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::aws::Pretended;
use serde_json::json;

use super::seeded::{all_are, dms, endpoint_arn, fixed, pretended, provisioned, rds};
use crate::account::Account;
use crate::support::block_on;

#[test]
fn endpoints_whose_tls_cannot_work_are_told_and_set_right() {
    let account = provisioned();
    all_are(&account, &["DEP-021", "TLS-005", "TLS-007"], "pass");
    let names = block_on(async {
        let all = dms(&account).describe_certificates().send().await.unwrap();
        let names = all.certificates().iter().map(|c| c.certificate_identifier().unwrap().to_owned());
        let target = dms(&account).modify_endpoint().endpoint_arn(endpoint_arn(&account, "charts-tgt").await);
        target.server_name("127.0.0.1").send().await.unwrap();
        names.collect::<Vec<_>>()
    });
    fixed(&account, &[("TLS-007", "charts-tgt verifies the name 127.0.0.1; the certificate names localhost")]);
    for name in &names {
        account.simulator.pretend(Pretended::Certificate, name, json!({"ValidToDate": 1_500_000_000}));
    }
    fixed(
        &account,
        &[("TLS-005", "charts-tgt has SslMode verify-full and names a certificate that ended on 2017-07-14")],
    );
    account.target.run(None, "SET GLOBAL require_secure_transport = ON").unwrap();
    block_on(async {
        let target = dms(&account).modify_endpoint().endpoint_arn(endpoint_arn(&account, "charts-tgt").await);
        target.ssl_mode("none".into()).send().await.unwrap();
    });
    fixed(&account, &[("DEP-021", "charts-tgt connects without TLS, and the target takes only TLS")]);
}

#[test]
fn a_server_that_dms_or_its_own_group_cannot_follow_is_told() {
    let account = Account::new(MyFlavor::MySql);
    account.run(&["provision", "apply", "--yes"], 0);
    all_are(&account, &["TLS-006", "TLS-008", "TLS-009"], "pass");
    account.target.run(None, "SET GLOBAL tls_version = 'TLSv1.3'; ALTER INSTANCE RELOAD TLS").unwrap();
    block_on(async {
        use aws_sdk_rds::types::{ApplyMethod, Parameter};
        let force = Parameter::builder().parameter_name("rds.force_ssl").parameter_value("0");
        let ask = rds(&account).modify_db_parameter_group().db_parameter_group_name("charts-source");
        ask.parameters(force.apply_method(ApplyMethod::PendingReboot).build()).send().await.unwrap();
    });
    fixed(&account, &[("TLS-009", "rds.force_ssl is 0 in charts-source and 1 in the running server")]);
    super::seeded::mended(&account, &[("TLS-008", "The target takes TLSv1.3 only")], || {
        let both = "SET GLOBAL tls_version = 'TLSv1.2,TLSv1.3'; ALTER INSTANCE RELOAD TLS";
        account.target.run(None, both).unwrap();
    });
    let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(240)).to_string();
    pretended(
        &account,
        &[(Pretended::DbInstance, "charts-source", json!({"CertificateDetails": {"ValidTill": soon}}))],
        &[("TLS-006", "The certificate of charts-source ends on")],
    );
}
