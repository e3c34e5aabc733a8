#!/usr/bin/python3
"""The fields of a JSON report as docs/results.md lists them: fields.py SCHEMA PAGE [--write].

The schema says what each field means, and the page shows that. Exits with 1 if it does not, or
with --write sees to it.
"""
import json
import pathlib
import sys

BEGIN = "<!-- of docs/report.schema.json, by tests/results/fields.py -->\n"
END = "<!-- end -->\n"
# Each is a table of its own, under this title.
SECTIONS = {
    None: "The report",
    "measurement": "`measurements`: one distribution each",
    "distribution": "The figures of a distribution",
    "histogram": "`histogram`",
    "row": "`rows`",
    "fit": "`fits`",
    "crossover": "`crossovers`",
    "test": "`tests`",
    "multiboot": "`tests`: `multiboot`",
    "memory": "`tests`: `memory`",
    "backing": "`memory`, and its `test_memory`",
    "huge_pages": "`hugetlb_pool` and `huge_pages`",
    "provenance": "`provenance`",
    "host": "`host`",
    "calibration": "`host`: `calibration`",
    "error": "`error`",
}


def resolved(schema, field):
    """The field's own words go before those of what it refers to."""
    if "$ref" in field:
        other = schema["definitions"][field["$ref"].rsplit("/", 1)[1]]
        return {**other, **field}
    return field


def type_of(schema, field):
    field = resolved(schema, field)
    if "oneOf" in field:
        return " or ".join(type_of(schema, one) for one in field["oneOf"])
    if "const" in field:
        return str(field["const"])
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    types = field.get("type", "object")
    types = types if isinstance(types, list) else [types]
    if "items" in field:
        item = type_of(schema, field["items"])
        types = [f"list of {item}" if one == "array" else one for one in types]
    return " or ".join(types)


def rows_of(schema, properties, prefix=""):
    for name, field in properties.items():
        field = resolved(schema, field)
        yield f"| `{prefix}{name}` | {type_of(schema, field)} | {field.get('description', '')} |"
        inner = field if "$ref" not in field else {}
        items = field.get("items", {})
        if "properties" in items and "$ref" not in items:
            yield from rows_of(schema, items["properties"], f"{prefix}{name}[].")
        yield from rows_of(schema, inner.get("properties", {}), f"{prefix}{name}.")


def tables(schema):
    for name, title in SECTIONS.items():
        section = schema if name is None else schema["definitions"][name]
        yield f"### {title}\n"
        if name is not None and "description" in section:
            yield section["description"] + "\n"
        yield "| field | type | meaning |\n|---|---|---|"
        yield from rows_of(schema, section["properties"])
        yield ""


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
    page = pathlib.Path(sys.argv[2])
    text = page.read_text()
    missing = {name for name, one in schema["definitions"].items()
               if "properties" in one} - set(SECTIONS)
    if missing:
        sys.exit(f"no section has {missing}")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    wanted = before + BEGIN + "\n" + "\n".join(tables(schema)) + "\n" + END + after
    if "--write" in sys.argv:
        page.write_text(wanted)
    elif wanted != text:
        sys.exit(f"{page} does not list the fields of the schema: {sys.argv[0]} {sys.argv[1]} "
                 f"{sys.argv[2]} --write")


main()
