/*
 * standin-hec: a stand-in for Splunk's HTTP Event Collector, which a test can
 * make fail in every way that senders meet, and which keeps account of what it
 * accepted and of what it said.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "../say.h"
#include "patience.h"
#include "server.h"
#include "service.h"
#include "standin.h"

enum {
	TICK_MS = 5,
	SETTLE_MS = 500, /* for answered requests to be accounted for */
	STOP_MS = 3000,  /* for requests in hand when told to stop */
};

static int
block_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die(EX_OSERR, "signalfd: %s", strerror(errno));
	return fd;
}

/* `parent` is who it was before; it may be gone already. */
static void
die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		exit(EX_TEMPFAIL);
}

/* Written aside and renamed, so that a reader never sees half of it. */
static void
write_file(const char *path, const char *text)
{
	char *aside;
	FILE *file;

	if (asprintf(&aside, "%s.new", path) < 0)
		die(EX_OSERR, "memory: a name refused");
	file = fopen(aside, "we");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 ||
	    rename(aside, path) != 0)
		die(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	free(aside);
}

static json_t *
all_stats(struct standin *standin)
{
	json_t *json = stats_json(standin->stats);
	json_t *uids = store_uid_stats(standin->store);

	json_object_set_new(json, "stored",
	    json_integer((json_int_t)store_count(standin->store)));
	if (uids != NULL)
		json_object_set_new(json, "uids", uids);
	json_object_set_new(json, "acks", acks_stats(standin->acks));
	return json;
}

/*
 * A client may ask for the account as soon as it has its answer, before that
 * answer's thread has booked it: so wait until none but `own` are busy.
 */
static void
settle(struct standin *standin, size_t own)
{
	int64_t until_ms = clock_ms() + SETTLE_MS;

	while (stats_busy(standin->stats) > own && clock_ms() < until_ms &&
	       wait_ms(1))
		;
}

json_t *
standin_stats(struct standin *standin)
{
	settle(standin, 1);
	return all_stats(standin);
}

static void
write_stats(struct standin *standin)
{
	json_t *json;
	char *text;

	if (standin->options->stats_file == NULL)
		return;
	json = all_stats(standin);
	text = json_dumps(json, JSON_INDENT(1));
	write_file(standin->options->stats_file, text);
	free(text);
	json_decref(json);
}

static void
announce(const struct standin *standin)
{
	char port[16];

	snprintf(port, sizeof port, "%u\n", server_port(standin->server));
	if (standin->options->port_file != NULL)
		write_file(standin->options->port_file, port);
	else
		say("listening on port %.*s", (int)strcspn(port, "\n"), port);
}

/* False when it is time to stop. */
static bool
heed_signal(struct standin *standin, int fd)
{
	struct signalfd_siginfo signal;

	if (read(fd, &signal, sizeof signal) != (ssize_t)sizeof signal)
		return true;
	switch (signal.ssi_signo) {
	case SIGUSR1:
		settle(standin, 0);
		write_stats(standin);
		return true;
	case SIGUSR2:
		faults_relent(standin->faults);
		return true;
	case SIGHUP:
		if (standin->options->fault_file != NULL)
			faults_read_file(standin->faults,
			    standin->options->fault_file);
		return true;
	default:
		return false;
	}
}

static void
run(struct standin *standin, int signals)
{
	struct pollfd waiting[2] = { { .fd = signals, .events = POLLIN },
		{ .events = POLLIN } };
	bool goes_on = true;

	while (goes_on) {
		server_tick(standin->server);
		acks_tick(standin->acks);
		waiting[1].fd = server_fd(standin->server);
		if (poll(waiting, 2, TICK_MS) <= 0)
			continue;
		if (waiting[0].revents != 0)
			goes_on = heed_signal(standin, signals);
		if (waiting[1].revents != 0 && waiting[1].fd >= 0)
			server_accept(standin->server);
	}
}

static void
handle(void *context, struct transport *transport)
{
	struct standin *standin = context;

	serve_connection(standin, transport);
	stats_connection_end(standin->stats);
}

static void
witness(void *context, const struct transport *transport)
{
	struct standin *standin = context;

	stats_connection(standin->stats, transport != NULL);
}

int
main(int argc, char **argv)
{
	pid_t parent = getppid();
	struct options options;
	struct standin standin = { .options = &options,
		.faults = faults_new(),
		.stats = stats_new() };
	SSL_CTX *tls = NULL;
	int signals;

	options_parse(&options, standin.faults, argc, argv);
	signals = block_signals();
	if (options.dies_with_parent)
		die_with_parent(parent);
	if (options.fault_file != NULL)
		faults_read_file(standin.faults, options.fault_file);
	if (options.cert != NULL)
		tls = transport_tls(options.cert, options.key,
		    options.client_ca, options.tls_version);
	standin.store =
	    store_open(options.out, options.untold_out, options.with_uids);
	standin.acks = acks_new(&options.acks, standin.store);
	standin.server = server_new(options.host, options.port, tls, handle,
	    witness, &standin);
	announce(&standin);

	run(&standin, signals);

	patience_end();
	if (!server_free(standin.server, STOP_MS))
		_exit(EX_SOFTWARE);
	acks_flush(standin.acks);
	write_stats(&standin);
	acks_free(standin.acks);
	store_close(standin.store);
	stats_free(standin.stats);
	faults_free(standin.faults);
	options_free(&options);
	SSL_CTX_free(tls);
	close(signals);
	return EX_OK;
}
