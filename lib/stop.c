/* The first stop signal is an event; the second ends the program. */
#include "lib/stop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/message.h"

static int signal_fd = -1;
static int taken;

static sigset_t
stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return set;
}

int
stop_open(void)
{
	sigset_t set = stop_signals();

	signal(SIGPIPE, SIG_IGN);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 ||
	    (signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) == -1)
		die(EXIT_OS, "signalfd: %s", strerror(errno));
	return signal_fd;
}

int
stop_taken(void)
{
	struct signalfd_siginfo info;

	if (taken || read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return taken;
	sigset_t set = stop_signals();
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	taken = 1;
	return taken;
}
