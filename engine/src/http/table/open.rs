//! What everybody may read, and what whoever runs the engine asks.

use super::{Answer, Body, Does, Everybody, Kind, NOT_FOUND, Operation, Parameter, Route, Verb};
use super::{Whoever, json};
use crate::http::public::PROCEDURES_MAX;
use crate::http::wire;

const HEALTH: Body = json::<wire::Health>();

/// What every operation here has in common.
const fn get(
    id: &'static str,
    does: Does,
    summary: &'static str,
    answers: &'static [Answer],
) -> Operation {
    Operation {
        method: Verb::Get,
        id,
        summary,
        tells: "",
        does,
        query: &[],
        headers: &[],
        takes: None,
        answers,
        problems: &[],
    }
}

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/v1/procedures",
        label: "procedures",
        parameter: None,
        operations: &[Operation {
            query: &[
                Parameter {
                    name: "limit",
                    tells: "How many at most; 50 if not said.",
                    kind: Kind::Whole { least: 1, most: PROCEDURES_MAX, example: 10 },
                },
                Parameter::text(
                    "after",
                    "Where the page before this one ended: its `next`.",
                    "criminal-record-extract",
                ),
            ],
            problems: &["invalid-value"],
            ..get(
                "procedures",
                Does::Anybody(Everybody::Procedures),
                "The procedures, by name",
                &[Answer { status: 200, tells: "One page.", body: json::<wire::Procedures<'_>>() }],
            )
        }],
    },
    Route {
        path: "/v1/procedures/{id}",
        label: "procedure",
        parameter: Some(Parameter::text("id", "A procedure's name.", "criminal-record-extract")),
        operations: &[Operation {
            problems: &["unknown-procedure"],
            ..get(
                "procedure",
                Does::Anybody(Everybody::Procedure),
                "One procedure: its roles, steps, fields, and what can fill them",
                &[Answer {
                    status: 200,
                    tells: "The procedure, as it is in force.",
                    body: json::<wire::Procedure<'_>>(),
                }],
            )
        }],
    },
    Route {
        path: "/v1/registers",
        label: "registers",
        parameter: None,
        operations: &[get(
            "registers",
            Does::Anybody(Everybody::Registers),
            "The registers and their attributes",
            &[Answer { status: 200, tells: "All of them.", body: json::<wire::Registers<'_>>() }],
        )],
    },
    Route {
        path: "/v1/organisations",
        label: "organisations",
        parameter: None,
        operations: &[get(
            "organisations",
            Does::Anybody(Everybody::Organisations),
            "The organisations that may receive data",
            &[Answer {
                status: 200,
                tells: "All of them.",
                body: json::<wire::Organisations<'_>>(),
            }],
        )],
    },
    Route {
        path: "/v1/ledger/head",
        label: "head",
        parameter: None,
        operations: &[Operation {
            tells: "Whoever keeps a head can show later that nothing before it was cut off: \
                    `engine audit --expect-head`.",
            ..get(
                "ledgerHead",
                Does::Anybody(Everybody::Head),
                "The newest entry of the ledger, and the hash of all before it",
                &[Answer { status: 200, tells: "The head.", body: json::<wire::Head>() }],
            )
        }],
    },
    Route {
        path: "/openapi.json",
        label: "openapi",
        parameter: None,
        operations: &[get(
            "openapi",
            Does::Anybody(Everybody::OpenApi),
            "This API, as OpenAPI 3.1",
            &[Answer {
                status: 200,
                tells: "The description.",
                body: Body::Json(|_| schemars::json_schema!({"type": "object"})),
            }],
        )],
    },
    Route {
        path: "/docs",
        label: "docs",
        parameter: None,
        operations: &[get(
            "docs",
            Does::Anybody(Everybody::Docs),
            "This API, to read",
            &[Answer { status: 200, tells: "A page.", body: Body::Text("text/html") }],
        )],
    },
    Route {
        path: "/healthz",
        label: "healthz",
        parameter: None,
        operations: &[get(
            "healthz",
            Does::Probe(Whoever::Health),
            "Whether the process answers",
            &[Answer { status: 200, tells: "It does.", body: HEALTH }],
        )],
    },
    Route {
        path: "/readyz",
        label: "readyz",
        parameter: None,
        operations: &[Operation {
            tells: "The reasons stand in the answer where there is no admin listener.",
            ..get(
                "readyz",
                Does::Probe(Whoever::Ready),
                "Whether the engine can do its work",
                &[
                    Answer { status: 200, tells: "It can.", body: HEALTH },
                    Answer { status: 503, tells: "It cannot.", body: HEALTH },
                ],
            )
        }],
    },
    Route {
        path: "/status",
        label: "status",
        parameter: None,
        operations: &[Operation {
            tells: "Where there is an admin listener, it is there and not here.",
            problems: &[NOT_FOUND],
            ..get(
                "status",
                Does::Probe(Whoever::Status),
                "How the ledger is: its head, its last sync, what waits for it",
                &[Answer { status: 200, tells: "As of now.", body: json::<wire::Status>() }],
            )
        }],
    },
    Route {
        path: "/metrics",
        label: "metrics",
        parameter: None,
        operations: &[Operation {
            tells: "Where there is an admin listener, they are there and not here.",
            problems: &[NOT_FOUND],
            ..get(
                "metrics",
                Does::Probe(Whoever::Metrics),
                "Metrics, as Prometheus reads them",
                &[Answer {
                    status: 200,
                    tells: "The older text format, or OpenMetrics for who accepts it.",
                    body: Body::Text("text/plain"),
                }],
            )
        }],
    },
];
