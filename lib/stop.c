/*
 * The first stop signal is an event; the second ends the program.
 *
 * A handler, not a signalfd: with the signals blocked, a second one could not
 * end a program that is stuck in write(2).
 */
#include "lib/stop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/message.h"

static int event_fd = -1;
static pthread_t main_thread;
static volatile sig_atomic_t taken;

static void
on_stop(int signal_number)
{
	int saved_errno = errno;

	if (!pthread_equal(pthread_self(), main_thread)) {
		pthread_kill(main_thread, signal_number); /* one place counts */
	} else if (taken) {
		signal(signal_number, SIG_DFL);
		raise(signal_number); /* delivered when this handler returns */
	} else {
		const uint64_t one = 1;
		taken = 1;
		ssize_t n = write(event_fd, &one, sizeof(one));
		(void)n; /* the flag is set in any case */
	}
	errno = saved_errno;
}

int
stop_open(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction action = { .sa_handler = on_stop,
		.sa_flags = SA_RESTART };

	main_thread = pthread_self();
	event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (event_fd == -1)
		die(EXIT_OS, "eventfd: %s", strerror(errno));
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (sigaction(signals[i], &action, NULL) == -1)
			die(EXIT_OS, "sigaction: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	return event_fd;
}

int
stop_taken(void)
{
	return taken != 0;
}
