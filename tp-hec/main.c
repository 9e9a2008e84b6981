/* tp-hec: events on standard input to Splunk's HTTP Event Collector. */
#include <fcntl.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/message.h"
#include "lib/stop.h"
#include "tp-hec/check.h"
#include "tp-hec/delivery.h"
#include "tp-hec/options.h"

enum { PIPE_BYTES = 1024 * 1024 };

/*
 * GnuTLS asks this when it is loaded (the Makefile exports it).  Debian's
 * libcurl draws it in for RTMP, nobody here uses it, and setting it up costs
 * 0.7 MB of memory and a moment.
 */
int skip_gnutls(void) __asm__("_gnutls_global_init_skip");

int
skip_gnutls(void)
{
	return 1;
}

static int
check(const struct options *options)
{
	const struct request_setup setup = options_request(options);

	return check_receivers(&setup, (const char *const *)options->urls,
	    options->url_count);
}

int
main(int argc, char **argv)
{
	struct options options;
	int exit_code;

	message_start("tp-hec");
	io_check_standard(1);
	options_parse(&options, argc, argv);
	credentials_load(&options.credentials);
	if (!options.is_check && !options.is_terminal_meant &&
	    isatty(STDIN_FILENO))
		die(EXIT_USAGE, "events come on standard input, and that is a "
				"terminal; give - if you mean it");
	/* Fewer, larger reads; where that is not allowed it works as well. */
	(void)fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
	if (options.is_check)
		exit_code = check(&options);
	else if (options.is_dry_run)
		exit_code = delivery_rehearse(&options, STDIN_FILENO);
	else
		exit_code = delivery_run(&options, STDIN_FILENO, STDOUT_FILENO,
		    stop_open());
	options_free(&options);
	return exit_code;
}
