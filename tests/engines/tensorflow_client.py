"""A client of TensorFlow Serving with its official protos, for the pod of a server: run there by `python3 -`.

Reads `{"address", "model", "label", "inputs"}` from its first argument; writes what the server answered as JSON.
"""

import json
import sys
from importlib import import_module
from typing import Any

# Without types: the packages are in the image, not in the development environment.
grpc: Any = import_module("grpc")
np: Any = import_module("numpy")
tf: Any = import_module("tensorflow")
apis = "tensorflow_serving.apis"
predict_pb2: Any = import_module(f"{apis}.predict_pb2")
metadata_pb2: Any = import_module(f"{apis}.get_model_metadata_pb2")
status_pb2: Any = import_module(f"{apis}.get_model_status_pb2")
prediction_grpc: Any = import_module(f"{apis}.prediction_service_pb2_grpc")
model_grpc: Any = import_module(f"{apis}.model_service_pb2_grpc")

SECONDS = 20


def predict(stub: Any, model: str, inputs: Any, *, name: str = "pixels", label: str = "", kind: Any = None) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.version_label = model, label
    request.inputs[name].CopyFrom(tf.make_tensor_proto(np.asarray(inputs, kind or np.float32)))
    return stub.Predict(request, timeout=SECONDS, wait_for_ready=True)


def code_of(call: Any) -> str:
    """How a call ends."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


def main(asked: dict[str, Any]) -> dict[str, Any]:
    model, inputs = asked["model"], asked["inputs"]
    with grpc.insecure_channel(asked["address"]) as channel:
        stub, models = prediction_grpc.PredictionServiceStub(channel), model_grpc.ModelServiceStub(channel)
        answer = predict(stub, model, inputs)
        metadata = metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        metadata.model_spec.name = model
        signatures = metadata_pb2.SignatureDefMap()
        stub.GetModelMetadata(metadata, timeout=SECONDS).metadata["signature_def"].Unpack(signatures)
        status = status_pb2.GetModelStatusRequest()
        status.model_spec.name = model
        versions = models.GetModelStatus(status, timeout=SECONDS).model_version_status
        return {
            "digits": tf.make_ndarray(answer.outputs["digit"]).tolist(),
            "version": answer.model_spec.version.value,
            "by_label": tf.make_ndarray(
                predict(stub, model, inputs[:1], label=asked["label"]).outputs["digit"]
            ).tolist(),
            "signatures": sorted(signatures.signature_def),
            "input_shape": [
                one.size for one in signatures.signature_def["serving_default"].inputs["pixels"].tensor_shape.dim
            ],
            "states": {str(one.version): one.state for one in versions},
            "available": status_pb2.ModelVersionStatus.AVAILABLE,
            "codes": {
                "unknown model": code_of(lambda: predict(stub, "nobody", inputs[:1])),
                "unknown label": code_of(lambda: predict(stub, model, inputs[:1], label="nobody")),
                "unknown input": code_of(lambda: predict(stub, model, inputs[:1], name="images")),
                "wrong shape": code_of(lambda: predict(stub, model, [[1.0, 2.0]])),
                "wrong type": code_of(lambda: predict(stub, model, [["a"] * 64], kind=object)),
            },
        }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
