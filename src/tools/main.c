/* tools/main.c - the command's first and last line. */
#include "tools/cli.h"

int main(int argc, char **argv)
{
    struct td_cli cli;
    int exit;

    td_cli_init(&cli);
    exit = td_main(&cli, argc, argv);
    if (cli.log)
        fclose(cli.log);
    return exit;
}
