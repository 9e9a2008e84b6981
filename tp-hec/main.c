/* tp-hec: events on standard input to Splunk's HTTP Event Collector. */
#include <fcntl.h>
#include <unistd.h>

#include "lib/message.h"
#include "lib/stop.h"
#include "tp-hec/delivery.h"
#include "tp-hec/options.h"

enum { PIPE_BYTES = 1024 * 1024 };

int
main(int argc, char **argv)
{
	struct options options;
	int exit_code;

	message_start("tp-hec");
	options_parse(&options, argc, argv);
	credentials_load(&options.credentials);
	if (options.is_check)
		return delivery_check(&options);
	if (!options.is_terminal_meant && isatty(STDIN_FILENO))
		die(EXIT_USAGE, "events come on standard input, and that is a "
				"terminal; give - if you mean it");
	/* Fewer, larger reads; where that is not allowed it works as well. */
	(void)fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
	if (options.is_dry_run)
		exit_code = delivery_rehearse(&options, STDIN_FILENO);
	else
		exit_code = delivery_run(&options, STDIN_FILENO, STDOUT_FILENO,
		    stop_open());
	options_free(&options);
	return exit_code;
}
