/*
 * One fault as it is written: "kind=reset,at=after,request=3,times=2".
 */
#ifndef STANDIN_HEC_FAULT_SPEC_H
#define STANDIN_HEC_FAULT_SPEC_H

#include "faults.h"

struct fault {
	struct plan plan;
	unsigned paths;    /* of enum fault_path */
	uint64_t request;  /* the first that it strikes, from 1 */
	uint64_t every;    /* and every so many from there */
	uint64_t times;    /* how often; 0: for ever */
	int64_t for_ms;    /* rather: for so long from the first; 0: not so */
	bool until_signal; /* rather: until faults_relent() */

	bool from_file;
	bool is_over;
	uint64_t seen;   /* requests on its paths */
	uint64_t struck; /* and of those it changed */
	int64_t since_ms;
	struct fault *next;
};

/* NULL, or what is wrong with `spec` (static). */
const char *fault_parse(struct fault *fault, const char *spec);

#endif
