//! What citizens see and change of their own.

use super::{Answer, Body, Citizens, Does, Kind, NOT_FOUND, Operation, Parameter, RECORDED};
use super::{Route, Takes, UNREADABLE, Verb, json};
use crate::http::wire;
use crate::ledger::PAGE_MAX;

const REGISTER: Parameter =
    Parameter::text("register", "A register that offers the choice.", "rnpp");
const ATTRIBUTE: Parameter =
    Parameter::text("attribute", "One of the citizen's own data.", "mobile");
const COMPANY: Parameter = Parameter::text(
    "company",
    "A company for which the citizen acts: what is asked and changed is its own.",
    "B981680",
);
/// What acting for a company may meet.
const MANDATE: [&str; 6] = [
    "no-mandate",
    "unknown-procedure",
    "invalid-identifier",
    "not-recorded",
    "consent-changing",
    UNREADABLE,
];
const CONSENT: Parameter = Parameter {
    name: "id",
    tells: "The id of a reuse consent.",
    kind: Kind::Uuid { example: "01a20957-21ea-7e08-b9e6-2375ab191532" },
};

/// These problems, and those of acting for a company.
const fn with_mandate(others: [&'static str; 3]) -> [&'static str; 9] {
    let ([a, b, c, d, e, f], [g, h, i]) = (MANDATE, others);
    [a, b, c, d, e, f, g, h, i]
}

/// What every operation here has in common.
const fn mine(
    method: Verb,
    id: &'static str,
    what: Citizens,
    summary: &'static str,
    tells: &'static str,
) -> Operation {
    Operation {
        method,
        id,
        summary,
        tells,
        does: Does::Citizen(what),
        query: &[],
        headers: &[],
        takes: None,
        answers: &[],
        problems: &[],
    }
}

const CONSENTS: Body = json::<wire::Consents<'_>>();

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/v1/me/consents",
        label: "consents",
        parameter: None,
        operations: &[Operation {
            query: &[COMPANY],
            answers: &[Answer { status: 200, tells: "All that stands.", body: CONSENTS }],
            problems: &with_mandate(["overloaded"; 3]),
            ..mine(
                Verb::Get,
                "consents",
                Citizens::Consents,
                "Preferences, reuse consents, and what the law allows without asking",
                "",
            )
        }],
    },
    Route {
        path: "/v1/me/consents/preferences/{register}",
        label: "preferences",
        parameter: Some(REGISTER),
        operations: &[Operation {
            takes: Some(Takes {
                body: json::<wire::PutPreference>(),
                example: r#"{"allow":false}"#,
            }),
            answers: &[Answer { status: 200, tells: "It is in force.", body: CONSENTS }],
            query: &[COMPANY],
            problems: &with_mandate(["invalid-value", NOT_FOUND, "overloaded"]),
            ..mine(
                Verb::Put,
                "putPreference",
                Citizens::Prefer,
                "Yes or No to prefilling from one register",
                "Once a No is answered, no request that starts later discloses anything of that \
                 register about the citizen.",
            )
        }],
    },
    Route {
        path: "/v1/me/consents/mandates",
        label: "mandates",
        parameter: None,
        operations: &[Operation {
            takes: Some(Takes {
                body: json::<wire::PutMandate>(),
                example: r#"{"company":"B523212","allow":false}"#,
            }),
            answers: &[Answer { status: 200, tells: "It is in force.", body: CONSENTS }],
            query: &[COMPANY],
            problems: &with_mandate(["invalid-value", "overloaded", "overloaded"]),
            ..mine(
                Verb::Put,
                "putMandate",
                Citizens::SetMandate,
                "Withdraw or restore a mandate",
                "It has the force of a No: once a withdrawal is answered, no request that starts \
                 later discloses anything of the company to a form in which the citizen acts for \
                 it. Citizens name a `company` for which they act; who acts for the `company` of \
                 the query names a `person` who does, too. A mandate is used while the register \
                 of mandates lists it and neither side has withdrawn it.",
            )
        }],
    },
    Route {
        path: "/v1/me/consents/reuse",
        label: "reuse-consents",
        parameter: None,
        operations: &[Operation {
            takes: Some(Takes {
                body: json::<wire::ReuseConsent>(),
                example: r#"{"organisation":"housing-ministry","case":"2026-0001","procedure":"housing-aid","fields":["familyName","dateOfBirth"],"expires":"2028-12-31"}"#,
            }),
            answers: &[Answer { status: 201, tells: "It stands.", body: json::<wire::Reuse>() }],
            problems: &["invalid-value", "unknown-procedure", RECORDED[0], RECORDED[1]],
            ..mine(
                Verb::Post,
                "consentToReuse",
                Citizens::ConsentToReuse,
                "Let one organisation read named fields again, in one case",
                "It expires, and can be withdrawn.",
            )
        }],
    },
    Route {
        path: "/v1/me/consents/reuse/{id}",
        label: "reuse-consents",
        parameter: Some(CONSENT),
        operations: &[Operation {
            answers: &[Answer { status: 204, tells: "It no longer stands.", body: Body::Nothing }],
            problems: &[NOT_FOUND, RECORDED[0], RECORDED[1]],
            ..mine(
                Verb::Delete,
                "withdrawConsent",
                Citizens::Withdraw,
                "Withdraw a reuse consent",
                "It has the force of a No. Withdrawing again changes nothing.",
            )
        }],
    },
    Route {
        path: "/v1/me/consents/reuse/{id}/receipt",
        label: "receipt",
        parameter: Some(CONSENT),
        operations: &[Operation {
            answers: &[Answer {
                status: 200,
                tells: "In the terms of ISO/IEC TS 27560.",
                body: json::<wire::Receipt>(),
            }],
            problems: &[NOT_FOUND],
            ..mine(
                Verb::Get,
                "consentReceipt",
                Citizens::Receipt,
                "The receipt of a reuse consent",
                "",
            )
        }],
    },
    Route {
        path: "/v1/me/accesses",
        label: "accesses",
        parameter: None,
        operations: &[Operation {
            query: &[
                Parameter {
                    name: "limit",
                    tells: "How many at most; 50 if not said.",
                    kind: Kind::Whole { least: 1, most: PAGE_MAX as u64, example: 10 },
                },
                Parameter {
                    name: "before",
                    tells: "Where the page before this one ended: its `next`.",
                    kind: Kind::Whole { least: 1, most: u64::MAX, example: 1_000_000 },
                },
                Parameter {
                    name: "from",
                    tells: "Only from this day or moment on.",
                    kind: Kind::Moment { example: "2026-01-01" },
                },
                Parameter {
                    name: "to",
                    tells: "Only to the end of this day, or before this moment.",
                    kind: Kind::Moment { example: "2099-12-31" },
                },
                Parameter::text(
                    "organisation",
                    "Only what this organisation received: a usage's `receiverCode`.",
                    "justice",
                ),
                Parameter::text("procedure", "Only for this procedure.", "criminal-record-extract"),
                COMPANY,
            ],
            answers: &[Answer {
                status: 200,
                tells: "One page, which may be short where little of much is wanted; the list \
                        ends where `next` is null. Pages neither repeat nor skip while new \
                        accesses arrive.",
                body: json::<wire::Accesses>(),
            }],
            problems: &with_mandate(["invalid-value", "overloaded", "overloaded"]),
            ..mine(
                Verb::Get,
                "accesses",
                Citizens::Accesses,
                "Who read what about the citizen, newest first",
                "Fields by name, not by value.",
            )
        }],
    },
    Route {
        path: "/v1/me/export",
        label: "export",
        parameter: None,
        operations: &[Operation {
            answers: &[Answer {
                status: 200,
                tells: "One document.",
                body: json::<wire::Held<'_>>(),
            }],
            problems: &["overloaded", UNREADABLE],
            ..mine(
                Verb::Get,
                "export",
                Citizens::Export,
                "Everything held here about the citizen",
                "Consents and their history, accesses, denials, and what they added: what the \
                 citizen may ask for under article 15 of the GDPR. No register is asked.",
            )
        }],
    },
    Route {
        path: "/v1/me/data",
        label: "own-data",
        parameter: None,
        operations: &[Operation {
            answers: &[Answer {
                status: 200,
                tells: "A bundle of the citizen's own view, which the ledger holds, too.",
                body: json::<wire::Bundle>(),
            }],
            query: &[COMPANY],
            problems: &with_mandate(["overloaded"; 3]),
            ..mine(
                Verb::Get,
                "data",
                Citizens::Data,
                "What the registers hold about the citizen, and what they added",
                "",
            )
        }],
    },
    Route {
        path: "/v1/me/data/{attribute}",
        label: "own-data",
        parameter: Some(ATTRIBUTE),
        operations: &[
            Operation {
                takes: Some(Takes {
                    body: json::<wire::PutValue>(),
                    example: r#"{"value":"+352 621 123 456"}"#,
                }),
                answers: &[Answer {
                    status: 200,
                    tells: "It is kept, in this form.",
                    body: json::<wire::Kept>(),
                }],
                problems: &["invalid-value", NOT_FOUND, RECORDED[0], RECORDED[1]],
                ..mine(
                    Verb::Put,
                    "putData",
                    Citizens::PutData,
                    "Add, or replace, what no register knows",
                    "The value is checked, and sealed under the citizen's own key.",
                )
            },
            Operation {
                answers: &[Answer { status: 204, tells: "It is gone.", body: Body::Nothing }],
                problems: &[NOT_FOUND, RECORDED[0], RECORDED[1]],
                ..mine(
                    Verb::Delete,
                    "deleteData",
                    Citizens::DeleteData,
                    "Take back what was added",
                    "",
                )
            },
        ],
    },
];
