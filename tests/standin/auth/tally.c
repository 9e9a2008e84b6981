/* The figures as JSON. */
#include "tally.h"

#include "fault.h"
#include "whole_file.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *
statuses_to_json(const struct tally *tally)
{
	json_t *object = json_object();

	for (int i = 0; i < TALLY_STATUSES; i++) {
		if (tally->statuses[i])
			json_object_set_new(object,
			    status_name((grpc_status_code)i),
			    json_integer(tally->statuses[i]));
	}
	return object;
}

void
tally_write(const struct tally *tally, const char *path)
{
	json_t *object =
	    json_pack("{s:{s:I, s:I, s:I}, s:o, s:I, s:I, s:I, s:I, s:I}",
		"calls", "Ping", (json_int_t)tally->pings,
		"GetUnstructuredEvents", (json_int_t)tally->searches, "other",
		(json_int_t)tally->others, "statuses", statuses_to_json(tally),
		"events", (json_int_t)tally->events, "bytes",
		(json_int_t)tally->bytes, "faults", (json_int_t)tally->faults,
		"connections", (json_int_t)tally->connections, "signals",
		(json_int_t)tally->signals);
	char *text = json_dumps(object, JSON_INDENT(2));

	whole_file_write(path, text);
	free(text);
	json_decref(object);
}
