#!/usr/bin/python3
"""Validates JSON reports against the schema: validate.py SCHEMA FILE_OR_FOLDER...

A field that the schema does not define is an error here: within a schema version fields may be
added, but not without being defined.
"""
import json
import pathlib
import sys

import jsonschema


def closed(schema):
    """The same schema, with no room for other properties."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(value) for name, value in schema.items()}
    if "properties" in schema:
        result.setdefault("additionalProperties", False)
    return result


def merged(schema, whole):
    """allOf says "and these as well", which must come before closing."""
    if isinstance(schema, list):
        return [merged(one, whole) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: merged(value, whole) for name, value in schema.items() if name != "allOf"}
    for part in schema.get("allOf", []):
        other = whole["definitions"][part["$ref"].rsplit("/", 1)[1]]
        result["properties"] = {**merged(other["properties"], whole), **result["properties"]}
        result["required"] = other.get("required", []) + result.get("required", [])
    return result


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(closed(merged(schema, schema)))
    files = []
    for name in map(pathlib.Path, sys.argv[2:]):
        files += sorted(name.glob("*.json")) if name.is_dir() else [name]
    wrong = 0
    for file in files:
        for error in validator.iter_errors(json.loads(file.read_text())):
            place = "/".join(map(str, error.absolute_path))
            print(f"{file}: {place}: {error.message[:300]}")
            wrong += 1
    print(f"{len(files)} reports, {wrong} errors")
    # There may be none: CTest was asked for tests that make none.
    sys.exit(0 if wrong == 0 else 1)


main()
