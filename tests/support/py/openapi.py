"""Checks requests and answers against certd's own documents: OpenAPI for REST, OpenRPC for the socket."""
import copy
import re

import jsonschema


def references(node):
    """All $refs below @node."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def closed(node):
    """A copy whose objects allow no undocumented members: every member of an answer must be in the document."""
    node = copy.deepcopy(node)

    def close(part):
        if isinstance(part, dict):
            if "properties" in part and part.get("type") == "object":
                part.setdefault("additionalProperties", False)
            for value in part.values():
                close(value)
        elif isinstance(part, list):
            for item in part:
                close(item)

    close(node)
    return node


class Document:
    """@document: its schemas are closed, see closed()."""

    def __init__(self, document):
        self.document = closed(document)
        self.resolver = jsonschema.RefResolver.from_schema(self.document)
        for ref in references(document):
            self.resolver.resolve(ref)

    def validate(self, schema, value, what):
        try:
            jsonschema.Draft7Validator(schema, resolver=self.resolver).validate(value)
        except jsonschema.ValidationError as error:
            raise AssertionError(f"{what}: {error.message} at {list(error.absolute_path)} in {value}") from None


class OpenRpc(Document):
    """For answers of the control socket."""

    def __init__(self, document):
        super().__init__(document)
        self.methods = {method["name"]: method for method in self.document["methods"]}

    def check(self, method, answer):
        self.validate(self.methods[method]["result"]["schema"], answer, method)


class OpenApi(Document):
    """check() is called for each exchange; `used` contains the operations seen so far."""

    def __init__(self, document):
        super().__init__(document)
        self.used = set()
        self.paths = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", template) + "$"), item)
                      for template, item in self.document["paths"].items()]

    def operation(self, method, path):
        for pattern, item in self.paths:
            if pattern.match(path):
                return item.get(method.lower())
        return None

    def check(self, method, path, body, status, answer, media_type="application/json"):
        operation = self.operation(method, path)
        if operation is None:
            assert status in (400, 401, 404, 405, 413, 431, 501, 503), f"{method} {path} is not described: {status}"
            self.validate({"$ref": "#/components/schemas/error"}, answer, f"{method} {path}: {status}")
            return
        self.used.add(operation["operationId"])
        if status < 300 and body is not None and "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self.validate(schema, body, f"body of {method} {path}")
        assert status >= 400 or str(status) in operation["responses"], f"{method} {path}: {status} is not described"
        response = operation["responses"].get(str(status), operation["responses"]["default"])
        if "content" not in response:
            assert answer is None
            return
        self.validate(response["content"][media_type.split(";")[0]]["schema"], answer, f"{method} {path}: {status}")
