"""The prediction API's handler and routes; the work is done by the modules that they name."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from drift_core.event import Event
from ingest_lambda.bundle import NoBundleError
from ingest_lambda.capture import Delivery
from ingest_lambda.feedback import label_events
from ingest_lambda.metrics import Count
from ingest_lambda.predict import predict
from ingest_lambda.refusal import RequestError
from ingest_lambda.request import read_object
from ingest_lambda.resources import description, logger, resources

# debug and log_event are off in code: the environment must not be able to put feature values into the log.
app = APIGatewayRestResolver(
    debug=False, serializer=partial(json.dumps, separators=(",", ":"), allow_nan=False)
)


@logger.inject_lambda_context(log_event=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway (REST, proxy integration)."""
    metrics = resources().metrics
    try:
        return app.resolve(event, context)
    finally:
        metrics.flush()


@app.post("/predict")
def post_predict() -> dict[str, Any]:
    """Predict 1 to 500 instances, and capture each prediction."""
    started = time.perf_counter()
    to = resources()
    served = to.active.current()
    read = _body()
    served.predict_reader.check(read)
    predicted = predict(served, read["instances"], now_ms=_now_ms())
    answer = predicted.answer()
    shadows = to.shadow.events(served, predicted.events)
    _deliver(predicted.events, shadows)
    to.metrics.add(Count.PREDICTIONS, len(predicted.events))
    logger.info(
        "predicted",
        instances=len(predicted.events),
        unseen_categories=predicted.unseen,
        shadows=len(shadows),
        model_version=served.manifest.model_version,
        duration_ms=_since(started),
    )
    return answer


@app.post("/feedback")
def post_feedback() -> Response[dict[str, Any]]:
    """Accept 1 to 500 labels of earlier predictions."""
    started = time.perf_counter()
    to = resources()
    served = to.active.current()
    read = _body()
    served.label_reader.check(read)
    events = label_events(read["labels"], model_name=to.settings.model_name, now_ms=_now_ms())
    lost = set(_deliver(events).lost)
    refused = [event.prediction_id for event in events if event.event_id in lost]
    logger.info("labelled", labels=len(events), lost=len(lost), duration_ms=_since(started))
    if refused:
        message = "some labels could not be stored; send those of `not_accepted` again"
        return _answer(
            503, {"message": message, "accepted": len(events) - len(refused), "not_accepted": refused}
        )
    return _answer(202, {"accepted": len(events)})


@app.get("/model")
def get_model() -> dict[str, Any]:
    """What is served, and what a request must look like."""
    manifest = resources().active.current().manifest
    return {
        "model_name": manifest.model_name,
        "model_version": manifest.model_version,
        "task": manifest.task,
        "target": manifest.target,
        "unit": manifest.target_unit,
        "features": manifest.schema.to_json(),
        "request_schema": manifest.schema.request_schema(),
        "metrics": dict(manifest.metrics),
        "interval_coverage": manifest.interval.coverage,
        "created_at": manifest.created_at,
    }


@app.get("/health")
def get_health() -> dict[str, Any]:
    """Whether predictions can be served."""
    manifest = resources().active.current().manifest
    return {"status": "ok", "model_name": manifest.model_name, "model_version": manifest.model_version}


def refuse(error: RequestError) -> Response[dict[str, Any]]:
    """Answer a request that cannot be served; the log has numbers only, since values are private."""
    resources().metrics.add(Count.REJECTED_REQUESTS)
    logger.warning("refused", status=error.status, fields=error.count)
    return _answer(error.status, error.answer)


def unavailable(error: NoBundleError) -> Response[dict[str, Any]]:
    """Answer while there is no model; why was logged when it was found."""
    return _answer(503, {"status": "unavailable", "message": str(error)})


def not_found(_: NotFoundError) -> Response[dict[str, Any]]:
    """Answer a path or method that the API does not have."""
    routes = "POST /predict, POST /feedback, GET /model, GET /health"
    return _answer(404, {"message": f"no such route; there are {routes}"})


def fail(error: Exception) -> Response[dict[str, Any]]:
    """Answer after a fault of ours: the client gets a number to quote, the log gets the stack."""
    request_id = app.lambda_context.aws_request_id
    logger.error("unexpected error", extra=description(error))
    return _answer(500, {"message": "internal error; quote the request id", "request_id": request_id})


for _kind, _handler in (
    (RequestError, refuse),
    (NoBundleError, unavailable),
    (NotFoundError, not_found),
    (Exception, fail),
):
    app.exception_handler(_kind)(_handler)


def _body() -> dict[str, Any]:
    event = app.current_event.raw_event
    return read_object(event.get("body"), is_base64=bool(event.get("isBase64Encoded")))


def _deliver(events: Sequence[Event], riders: Sequence[Event] = ()) -> Delivery:
    to = resources()
    delivery = to.capture.put(events, riders)
    if delivery.left:
        to.metrics.add(Count.SHADOW_FAILED, delivery.left)
        logger.warning("shadows did not reach the stream", left=delivery.left, faults=dict(delivery.errors))
    if delivery.queued or delivery.lost:
        to.metrics.add(Count.CAPTURE_FAILED, delivery.queued + len(delivery.lost))
        to.metrics.add(Count.CAPTURE_LOST, len(delivery.lost))
        logger.error(
            "the stream did not take every event",
            queued=delivery.queued,
            lost_event_ids=list(delivery.lost),
            faults=dict(delivery.errors),
        )
    return delivery


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _since(started: float) -> float:
    return round(1_000 * (time.perf_counter() - started), 3)


def _answer(status: int, body: dict[str, Any]) -> Response[dict[str, Any]]:
    return Response(status_code=status, content_type=content_types.APPLICATION_JSON, body=body)
