/*
 * What a command costs: runs it and appends a line to FILE,
 *
 *	NAME ELAPSED_S CPU_S MAX_RSS_KIB
 *
 * the CPU time being that of the command and of all children that it waited
 * for.  Ends as the command does; passes SIGTERM and SIGINT on to it, and
 * neither outlives whoever started this.
 *
 *	usage FILE NAME COMMAND [ARGUMENT...]
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/message.h"

static volatile sig_atomic_t child;

static void
pass_on(int number)
{
	if (child > 0)
		kill((pid_t)child, number);
}

static double
seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* One write, for several commands may share the file. */
static void
report(const char *path, const char *name, double elapsed_s,
    const struct rusage *usage)
{
	char line[256];
	int len = snprintf(line, sizeof(line), "%s %.3f %.3f %ld\n", name,
	    elapsed_s, seconds(usage->ru_utime) + seconds(usage->ru_stime),
	    usage->ru_maxrss);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

	if (fd == -1 || write(fd, line, (size_t)len) != len)
		die(EXIT_IO, "%s: %s", path, strerror(errno));
	close(fd);
}

static _Noreturn void
run(char **command, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		exit(EXIT_OS);
	execvp(command[0], command);
	die(EXIT_CONFIG, "%s: %s", command[0], strerror(errno));
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = pass_on,
		.sa_flags = SA_RESTART };
	struct rusage usage;
	pid_t self = getpid();
	int status;

	message_start("usage");
	if (argc < 4)
		die(EXIT_USAGE, "FILE NAME COMMAND [ARGUMENT...] are needed");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	int64_t start_ms = clock_ms();
	child = fork();
	if (child == -1)
		die(EXIT_OS, "fork: %s", strerror(errno));
	if (child == 0)
		run(argv + 3, self);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	while (wait4((pid_t)child, &status, 0, &usage) == -1)
		if (errno != EINTR)
			die(EXIT_OS, "wait: %s", strerror(errno));
	report(argv[1], argv[2], (double)(clock_ms() - start_ms) / 1000,
	    &usage);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
