//! What operators ask for: bundles.

use super::{Answer, Does, Operation, Operators, Parameter, Route, Takes, Verb, json, lines};
use crate::http::{samples, wire};

const TRACEPARENT: Parameter = Parameter::text(
    "traceparent",
    "W3C Trace Context; it goes on to the registers. What is malformed is ignored.",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
);

/// What a request for a bundle can fail with.
const PROBLEMS: &[&str] = &[
    "no-authority",
    "no-presence",
    "no-reuse-consent",
    "unknown-procedure",
    "invalid-identifier",
    "invalid-value",
    "quota",
    "not-recorded",
    "consent-changing",
    "overloaded",
];

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/v1/prefill",
        label: "prefill",
        parameter: None,
        operations: &[Operation {
            method: Verb::Post,
            id: "prefill",
            summary: "A bundle: every field with its value, or why it has none",
            tells: "The registers that the procedure, the organisation's authority and the \
                    citizen's consent allow are asked at once, until the deadline. A register \
                    that fails is a gap in the bundle, not a failure of the request. Nothing is \
                    answered before a durable entry of the ledger says so.",
            does: Does::Operator(Operators::Prefill),
            query: &[],
            headers: &[
                Parameter::text(
                    "Idempotency-Key",
                    "Repeats of a request within two minutes are one disclosure: consent is \
                     checked again, and no second use is listed. One quoted string without \
                     escapes, or the same without quotes; 64 bytes at most.",
                    "8e03978e-40d5-43dd-bc93-6894a57f9324",
                ),
                TRACEPARENT,
            ],
            takes: Some(Takes { body: json::<wire::Prefill>(), example: samples::ASKED }),
            answers: &[Answer {
                status: 200,
                tells: "The bundle, which the ledger holds.",
                body: json::<wire::Bundle>(),
            }],
            problems: PROBLEMS,
        }],
    },
    Route {
        path: "/v1/prefill/explain",
        label: "explain",
        parameter: None,
        operations: &[Operation {
            method: Verb::Post,
            id: "prefillExplain",
            summary: "How a bundle comes to be, without its values",
            tells: "For each field what could fill it, what was decided and how that ended, and \
                    the registers' calls. Registers are asked, so that it is a disclosure like \
                    another, of no field. The back office is told no reasons and no calls. Where \
                    answers came from, and how long they took, is told in a demonstration alone: \
                    it would tell one body that another asked.",
            does: Does::Operator(Operators::Explain),
            query: &[],
            headers: &[TRACEPARENT],
            takes: Some(Takes { body: json::<wire::Prefill>(), example: samples::ASKED }),
            answers: &[Answer {
                status: 200,
                tells: "The explanation, which the ledger holds.",
                body: json::<wire::Explanation<'_>>(),
            }],
            problems: PROBLEMS,
        }],
    },
    Route {
        path: "/v1/prefill/batch",
        label: "batch",
        parameter: None,
        operations: &[Operation {
            method: Verb::Post,
            id: "prefillBatch",
            summary: "Many bundles, as lines of JSON in and out",
            tells: "Each line is a request for a bundle, 64 KiB at most, and gets one line, as \
                    soon as it is ready; `index` is its place, from zero. A bad line is a line \
                    with a problem, and not the end. Whoever does not read is not read from. \
                    Where the job ends before its body does, the last line says so at the place \
                    of the first line that was not begun: 400 after a minute without a line, 503 \
                    where the engine leaves, which may be the place after the last that was sent.",
            does: Does::Operator(Operators::Batch),
            query: &[],
            headers: &[],
            takes: Some(Takes { body: lines::<wire::Prefill>(), example: samples::ASKED }),
            answers: &[Answer {
                status: 200,
                tells: "A line for each line, in the order in which they became ready.",
                body: lines::<wire::BatchLine>(),
            }],
            problems: &["invalid-value", "overloaded"],
        }],
    },
];
