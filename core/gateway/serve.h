#ifndef CORE_GATEWAY_SERVE_H
#define CORE_GATEWAY_SERVE_H

/* serve: the verb that takes and hands out mail until SIGTERM. argv from behind the verb. */

int serve_run(int argc, char **argv); /* enum cmd_exit */

#endif
