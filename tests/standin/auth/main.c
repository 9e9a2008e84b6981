/* standin-auth: a stand-in for a Teleport Auth Service.  See --help. */
#include "../say.h"
#include "options.h"
#include "server.h"
#include "service.h"
#include "whole_file.h"

#include <grpc/grpc.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

struct control {
	struct server *server;
	struct service *service;
	sigset_t signals;
};

/* Signals are taken by a thread of their own; every other blocks them. */
static void *
take_signals(void *argument)
{
	struct control *control = argument;
	int signal;

	while (!sigwait(&control->signals, &signal)) {
		if (signal == SIGHUP)
			service_reload(control->service);
		else if (signal == SIGUSR1)
			service_add_late(control->service);
		else if (signal == SIGUSR2)
			service_lift_faults(control->service);
		else
			break;
		service_write_stats(control->service,
		    server_connections(control->server));
	}
	server_stop(control->server);
	return NULL;
}

static void
block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGHUP);
	sigaddset(signals, SIGUSR1);
	sigaddset(signals, SIGUSR2);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static void
write_port(const struct options *options, int port)
{
	char text[16];

	snprintf(text, sizeof text, "%d", port);
	if (options->port_file)
		whole_file_write(options->port_file, text);
}

static void
serve(const struct options *options, struct service *service)
{
	struct control control = { .service = service };
	pthread_t thread;

	block_signals(&control.signals);
	setenv("GRPC_VERBOSITY", "NONE", 0);
	grpc_init();
	control.server = server_start(options, service);
	if (pthread_create(&thread, NULL, take_signals, &control))
		die(EXIT_OS, "cannot start a thread");
	write_port(options, server_port(control.server));
	server_run(control.server);
	pthread_join(thread, NULL);
	service_write_stats(service, server_connections(control.server));
	server_free(control.server);
	grpc_shutdown();
}

int
main(int argc, char **argv)
{
	struct options options;
	struct service *service;

	/* A page is over a megabyte: without this malloc would map, and the
	 * kernel clear, each anew. */
	mallopt(M_MMAP_THRESHOLD, 256 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	options_parse(&options, argc, argv);
	if (options.dies_with_parent)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	service = service_new(&options);
	if (options.mode == MODE_SERVE)
		serve(&options, service);
	else
		service_print(service, options.mode);
	service_free(service);
	options_free(&options);
	return 0;
}
