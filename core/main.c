/* ringpost: a mail gateway. `ringpost help` lists what it does; ARCHITECTURE.md says how. */

#include <string.h>

#include "core/gateway/cmd.h"
#include "core/gateway/serve.h"

int main(int argc, char **argv)
{
    int code;

    if (cmd_postfix_run(argc, argv, &code))
        return code;
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return serve_run(argc - 2, argv + 2);
    if (cmd_run(argc, argv, &code))
        return code;
    return cmd_usage(argc, argv);
}
