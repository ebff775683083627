"""Requests and answers of the REST face against its own OpenAPI document."""
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
    """A copy whose objects have no members but those described: what is answered has to be in the document."""
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


class OpenApi:
    """check() is to be called for each exchange; `used` has the operations that it has seen."""

    def __init__(self, document):
        self.document = closed(document)
        self.resolver = jsonschema.RefResolver.from_schema(self.document)
        self.used = set()
        for ref in references(document):
            self.resolver.resolve(ref)
        self.paths = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", template) + "$"), item)
                      for template, item in self.document["paths"].items()]

    def validate(self, schema, value, what):
        try:
            jsonschema.Draft7Validator(schema, resolver=self.resolver).validate(value)
        except jsonschema.ValidationError as error:
            raise AssertionError(f"{what}: {error.message} at {list(error.absolute_path)} in {value}") from None

    def operation(self, method, path):
        for pattern, item in self.paths:
            if pattern.match(path):
                return item.get(method.lower())
        return None

    def check(self, method, path, body, status, answer):
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
        self.validate(response["content"]["application/json"]["schema"], answer, f"{method} {path}: {status}")
