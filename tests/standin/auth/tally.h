/* tally.h -- what was asked and answered, in figures: --stats. */
#ifndef STANDIN_AUTH_TALLY_H
#define STANDIN_AUTH_TALLY_H

#include <grpc/status.h>

enum { TALLY_STATUSES = GRPC_STATUS_UNAUTHENTICATED + 1 };

struct tally {
	long pings;
	long searches;
	long others;
	long statuses[TALLY_STATUSES];
	long events; /* in replies; a cut connection may have lost them */
	long bytes;  /* of reply messages that hold events */
	long faults; /* calls that met one */
	long connections;
	long signals; /* whose work is done */
};

/* Writes the file whole, as one JSON object; ends the program if it cannot. */
void tally_write(const struct tally *tally, const char *path);

#endif
