"""`curtain completion`: what a shell reads to complete."""

import click
from click.shell_completion import get_completion_class

from app.cli.call import Call, takes_call
from app.cli.errors import WrongUsage

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@takes_call
def completion(call: Call, shell: str) -> None:
    """Print what completes commands, templates and runs in SHELL.

    \b
    bash: echo 'eval "$(curtain completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(curtain completion zsh)"' >> ~/.zshrc
    fish: curtain completion fish > ~/.config/fish/completions/curtain.fish
    """
    from app.cli.main import COMPLETE, PROGRAM, curtain

    kind = get_completion_class(shell)
    if kind is None:
        raise WrongUsage(f"there is no completion for {shell}")
    # Not the class' source(): it asks for bash's version, of a bash that need not be here.
    writer = kind(curtain, {}, PROGRAM, COMPLETE)
    source = writer.source_template % writer.source_vars()
    if call.as_json:
        call.out.document({"shell": shell, "source": source})
    else:
        call.out.write(source + "\n")
