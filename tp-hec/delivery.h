/*
 * The loop of tp-hec: input to batches, batches to receivers, settled lines to
 * acknowledgements; and how it ends.
 *
 * Invariant: `ack N` is written only after every line up to N is settled, and
 * what was set aside is synced.
 */
#ifndef TP_HEC_DELIVERY_H
#define TP_HEC_DELIVERY_H

struct options;

/*
 * Events from `input_fd`, acknowledgements to `ack_fd`, until the end of input
 * or a readable `stop_fd`.  Returns the exit code.
 */
int
delivery_run(struct options *options, int input_fd, int ack_fd, int stop_fd);

/* `--dry-run`: reads and checks to the end of input, sends nothing. */
int delivery_rehearse(struct options *options, int input_fd);

#endif
