/*
 * tools/verb_completion.c - tandem completion: the Tab key in bash, zsh and fish.
 *
 * The scripts hold no word of the command line: each asks `tandem completion words`, so what they
 * offer is what the program they run understands, also when it was updated behind their back.
 */
#include <string.h>

#include "base/range.h"
#include "tools/complete.h"

/* Bash cuts words at = and :, so they are put together again; what it is given back is what
 * belongs behind the last cut. */
static const char bash[] =
    "# Completion of tandem for bash: source it, or let the package bash-completion find it.\n"
    "_tandem()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} word line files= cut i\n"
    "    local -a typed=()\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if ((${#typed[@]} > 0)) && [[ $word == [:=]* || ${COMP_WORDS[i-1]} == [:=]* ]]; then\n"
    "            typed[${#typed[@]}-1]+=$word\n"
    "        else\n"
    "            typed+=(\"$word\")\n"
    "        fi\n"
    "    done\n"
    "    [[ $cur != [:=]* ]] || cur=\n"
    "    cut=${typed[${#typed[@]}-1]}\n"
    "    cut=${cut%\"$cur\"}\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line == :files ]]; then\n"
    "            files=1\n"
    "        else\n"
    "            line=${line%%$'\\t'*}\n"
    "            COMPREPLY+=(\"${line#\"$cut\"}\")\n"
    "        fi\n"
    "    done < <(\"${COMP_WORDS[0]}\" completion words \"${typed[@]}\" 2>/dev/null)\n"
    "    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then\n"
    "        compopt -o nospace 2>/dev/null\n"
    "    fi\n"
    "    if [[ $files ]]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        while IFS= read -r line; do\n"
    "            COMPREPLY+=(\"$line\")\n"
    "        done < <(compgen -f -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "complete -F _tandem tandem\n";

static const char zsh[] =
    "#compdef tandem\n"
    "# Completion of tandem for zsh: a file _tandem in a folder of $fpath, or sourced.\n"
    "_tandem()\n"
    "{\n"
    "    local line word files=\n"
    "    local -a offers\n"
    "    for line in \"${(@f)$(\"${words[1]}\" completion words \"${(@)words[2,CURRENT-1]}\" "
    "\"$PREFIX\" 2>/dev/null)}\"; do\n"
    "        case $line in\n"
    "        :files) files=1 ;;\n"
    "        ?*)\n"
    "            word=${line%%$'\\t'*}\n"
    "            word=${word//:/\\\\:}\n"
    "            offers+=(\"$word:${line#*$'\\t'}\")\n"
    "            ;;\n"
    "        esac\n"
    "    done\n"
    "    (( $#offers )) && _describe -t words tandem offers\n"
    "    if [[ -n $files ]]; then\n"
    "        compset -P '*='\n"
    "        _files\n"
    "    fi\n"
    "}\n"
    "if [[ ${funcstack[1]} == _tandem ]]; then\n"
    "    _tandem \"$@\"\n"
    "else\n"
    "    compdef _tandem tandem\n"
    "fi\n";

static const char fish[] =
    "# Completion of tandem for fish: a file tandem.fish in a folder of $fish_complete_path.\n"
    "function __tandem_complete\n"
    "    set -l typed (commandline -opc)\n"
    "    set -l current (commandline -ct)\n"
    "    set -l program $typed[1]\n"
    "    set -e typed[1]\n"
    "    for line in ($program completion words $typed \"$current\" 2>/dev/null)\n"
    "        if test \"$line\" = :files\n"
    "            __fish_complete_path (string replace -r '^[^=]*=' '' -- \"$current\")\n"
    "        else\n"
    "            printf '%s\\n' $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c tandem -f -a '(__tandem_complete)'\n";

static int script(struct td_cli *cli, int argc, char **argv, const char *text)
{
    int exit = td_args_no_word(cli, argc, argv);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    fputs(text, cli->out);
    return TD_EXIT_OK;
}

static int for_bash(struct td_cli *cli, int argc, char **argv)
{
    return script(cli, argc, argv, bash);
}

static int for_zsh(struct td_cli *cli, int argc, char **argv)
{
    return script(cli, argc, argv, zsh);
}

static int for_fish(struct td_cli *cli, int argc, char **argv)
{
    return script(cli, argc, argv, fish);
}

/* The words are somebody's unfinished line, and none of them is an option of this verb. */
static int words(struct td_cli *cli, int argc, char **argv)
{
    struct td_args args;

    td_args_begin(&args, cli, NULL, 0, argc, argv);
    if (cli->heard == NULL && argc > 0)
        td_complete(cli, (size_t)argc, argv);
    return TD_EXIT_OK;
}

#define USAGE(shell, how)                                                                          \
    "usage: tandem completion " shell "\n\nPrints the script that lets " shell                     \
    " complete tandem's command line.\n\n" how

static const struct td_verb subs[] = {
    { .name = "bash",
      .kind = TD_VERB_DESK,
      .summary = "the script for bash",
      .usage = USAGE("bash", "  . <(tandem completion bash)\n"),
      .run = for_bash },
    { .name = "zsh",
      .kind = TD_VERB_DESK,
      .summary = "the script for zsh",
      .usage = USAGE("zsh", "  . <(tandem completion zsh)      behind compinit, in ~/.zshrc\n"),
      .run = for_zsh },
    { .name = "fish",
      .kind = TD_VERB_DESK,
      .summary = "the script for fish",
      .usage = USAGE("fish", "  tandem completion fish | source\n"),
      .run = for_fish },
    { .name = "words",
      .kind = TD_VERB_DESK,
      .summary = "what fits the end of an unfinished line; the scripts ask it",
      .usage = "usage: tandem completion words WORD...\n\n"
               "Prints what may stand in the place of the last WORD (which may be empty), a line\n"
               "each, and behind a tab what it is; \":files\" where names of files fit as well.\n",
      .run = words },
};

const struct td_verb td_verb_completion = {
    .name = "completion",
    .kind = TD_VERB_DESK,
    .summary = "the Tab key in bash, zsh and fish",
    .subs = subs,
    .n_subs = TD_N_OF(subs),
};
