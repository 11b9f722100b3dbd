"""`curtain templates`: what can be run."""

from typing import Any

import click

from app.cli import words
from app.cli.call import Call, takes_call
from app.cli.client import at
from app.cli.completing import complete_templates
from app.cli.declared import yaml

HEADS = ("NAME", "PLAYBOOK", "REF", "TAKES", "CHANGED", "BY")


@click.command()
@click.argument("name", required=False, shell_complete=complete_templates)
@takes_call
def templates(call: Call, name: str | None) -> None:
    """List the templates, or show the template NAME as YAML."""
    if name is not None:
        _show(call, call.client.get(at("templates", name)))
        return
    found = list(call.client.pages("/templates", "templates"))
    if call.as_json:
        call.out.document({"templates": found})
    else:
        call.out.table(HEADS, (_row(template) for template in found))


def _show(call: Call, template: dict[str, Any]) -> None:
    if call.as_json:
        call.out.document(template)
        return
    call.out.line(f"# {template['name']}, changed by {template['updated_by']}")
    call.out.line(yaml.dump(template["spec"]).rstrip("\n"))


def _row(template: dict[str, Any]) -> list[object]:
    spec = template["spec"]
    takes = (
        f"{name}!" if rule.get("required") else name
        for name, rule in spec.get("accepts", {}).items()
    )
    return [
        template["name"],
        f"{spec['playbook']['repository']} {spec['playbook']['path']}",
        spec["playbook"].get("ref"),
        " ".join(takes),
        words.local(template["updated_at"]),
        template["updated_by"],
    ]
