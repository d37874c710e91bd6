"""What a loaded version says of itself, in JSON and in messages."""

from importlib import import_module
from typing import Any

from .models import Signature, Version

meta_graph: Any = import_module("tensorflow.core.protobuf.meta_graph_pb2")
json_format: Any = import_module("google.protobuf.json_format")
metadata_pb2: Any = import_module("tensorflow_serving.apis.get_model_metadata_pb2")

PREDICT = "tensorflow/serving/predict"


def status(number: int) -> dict[str, Any]:
    """The state of a version that is loaded."""
    return {"version": str(number), "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


def signature_map(version: Version) -> Any:
    """The SignatureDefMap of a version."""
    found = metadata_pb2.SignatureDefMap()
    for name, signature in version.signatures.items():
        found.signature_def[name].CopyFrom(_definition(name, signature))
    return found


def _definition(name: str, signature: Signature) -> Any:
    made = meta_graph.SignatureDef(method_name=PREDICT)
    for infos, specs in ((made.inputs, signature.inputs), (made.outputs, signature.outputs)):
        for key, spec in specs.items():
            infos[key].name = f"{name}_{key}:0"
            infos[key].dtype = spec.dtype.as_datatype_enum
            infos[key].tensor_shape.CopyFrom(spec.shape.as_proto())
    return made


def metadata(version: Version) -> dict[str, Any]:
    """The answer of `/metadata`."""
    definitions = json_format.MessageToDict(
        signature_map(version), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return {
        "model_spec": {"name": version.name, "signature_name": "", "version": str(version.number)},
        "metadata": {"signature_def": definitions},
    }
