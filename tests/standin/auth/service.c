/* From a call's bytes to its reply: version check, faults, Ping, pages. */
#include "service.h"

#include "../say.h"
#include "catalogue.h"
#include "clock.h"
#include "file_events.h"
#include "listing.h"
#include "memory.h"
#include "synthetic.h"
#include "tally.h"
#include "wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PING_CLUSTER_NAME = 1, PING_SERVER_VERSION = 2 };

static const char ping_method[] = "/proto.AuthService/Ping";
static const char search_method[] =
    "/teleport.auditlog.v1.AuditLogService/GetUnstructuredEvents";

struct service {
	const struct options *options;
	pthread_mutex_t lock; /* of all below */
	struct synthetic *synthetic;
	struct file_events *files;
	int is_late_in;
	struct faults *faults;
	struct tally tally;
	FILE *log;
};

static int
read_all(struct file_events *files, const struct texts *paths)
{
	for (size_t i = 0; i < paths->count; i++) {
		if (file_events_read(files, paths->list[i]))
			return -1;
	}
	return 0;
}

/* NULL, after a message, if a file cannot be had. */
static struct file_events *
load_events(const struct options *options, int with_late)
{
	struct file_events *files = file_events_new(options->start_ns);

	if (options->big_bytes)
		file_events_add_big(files, options->big_bytes);
	if (read_all(files, &options->events) ||
	    (with_late && read_all(files, &options->late))) {
		file_events_free(files);
		return NULL;
	}
	file_events_sort(files);
	return files;
}

static struct faults *
load_faults(const struct options *options)
{
	struct faults *faults = faults_new();
	int status = 0;

	for (size_t i = 0; i < options->faults.count && !status; i++)
		status = faults_add(faults, options->faults.list[i]);
	if (!status && options->fault_file)
		status = faults_add_file(faults, options->fault_file);
	faults_set_chaos(faults, options->chaos_percent, options->chaos_seed);
	if (!status)
		return faults;
	faults_free(faults);
	return NULL;
}

struct service *
service_new(const struct options *options)
{
	struct service *service = x_zalloc(sizeof *service);
	struct synthetic_plan plan = { options->synthetic, options->seed,
		options->start_ns, options->interval_ns, options->cluster };

	service->options = options;
	pthread_mutex_init(&service->lock, NULL);
	service->synthetic = synthetic_new(&plan);
	service->files = load_events(options, options->mode != MODE_SERVE);
	service->faults = load_faults(options);
	if (!service->files || !service->faults)
		exit(EXIT_DATA);
	if (options->log) {
		service->log = fopen(options->log, "ae");
		if (!service->log)
			die(EXIT_OS, "%s: %s", options->log, strerror(errno));
	}
	return service;
}

void
service_free(struct service *service)
{
	if (!service)
		return;
	synthetic_free(service->synthetic);
	file_events_free(service->files);
	faults_free(service->faults);
	if (service->log)
		fclose(service->log);
	pthread_mutex_destroy(&service->lock);
	free(service);
}

static struct catalogue
catalogue_of(const struct service *service)
{
	struct catalogue catalogue = { .count = 0 };

	if (service->options->synthetic)
		catalogue.sources[catalogue.count++] =
		    synthetic_source(service->synthetic);
	catalogue.sources[catalogue.count++] =
	    file_events_source(service->files);
	return catalogue;
}

/* Teleport serves clients of its own major version and the one before. */
static int
is_version_served(const char *version, const char *ours)
{
	char *end;
	long major;

	if (!version)
		return 1;
	major = strtol(version, &end, 10);
	if (end == version || *end != '.' || !strchr(end + 1, '.'))
		return 0;
	return major >= strtol(ours, NULL, 10) - 1;
}

static void
answer_ping(const struct service *service, struct reply *reply)
{
	const struct options *options = service->options;
	struct wire_out out = { 0 };

	wire_put_string(&out, PING_SERVER_VERSION, options->version,
	    strlen(options->version));
	wire_put_string(&out, PING_CLUSTER_NAME, options->cluster,
	    strlen(options->cluster));
	reply->size = wire_size(&out);
	reply->data = x_alloc(reply->size);
	memcpy(reply->data, wire_data(&out), reply->size);
	wire_free(&out);
}

static json_t *
texts_to_json(char *const *texts, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(texts[i]));
	return array;
}

static void
write_log(struct service *service, json_t *line)
{
	json_dumpf(line, service->log, JSON_COMPACT);
	fputc('\n', service->log);
	fflush(service->log);
	json_decref(line);
}

static void
log_search(struct service *service, const struct query *query,
    const struct page_request *request, const struct page *page,
    const struct reply *reply)
{
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];

	if (!service->log)
		return;
	clock_print(from, request->from_ns);
	clock_print(to, request->to_ns);
	write_log(service,
	    json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:I, s:o, s:s, s:I, s:s, "
		      "s:b}",
		"rpc", "GetUnstructuredEvents", "peer", query->peer_port,
		"from", from, "to", to, "order",
		request->is_ascending ? "ASC" : "DESC", "start_key",
		request->key, "limit", (json_int_t)request->limit, "types",
		texts_to_json(request->types, request->type_count), "status",
		status_name(reply->status), "items", (json_int_t)page->items,
		"last_key", page->last_key, "fault", reply->fault.is_set));
}

static void
log_other(struct service *service, const struct query *query,
    const struct reply *reply)
{
	if (!service->log)
		return;
	write_log(service,
	    json_pack("{s:s, s:i, s:s, s:b}", "rpc",
		strrchr(query->method, '/') + 1, "peer", query->peer_port,
		"status", status_name(reply->status), "fault",
		reply->fault.is_set));
}

/* The rules of --options, with what the fault asks for. */
static struct page_rules
rules_for(const struct options *options, const struct fault_action *fault)
{
	struct page_rules rules = fault->page;

	rules.key_style = options->key_style;
	rules.max_bytes = options->page_bytes;
	rules.max_event_bytes = options->max_event_bytes;
	rules.is_live = options->is_live;
	return rules;
}

static void
answer_search(struct service *service, const struct query *query,
    struct reply *reply)
{
	struct catalogue catalogue = catalogue_of(service);
	struct page_rules rules = rules_for(service->options, &reply->fault);
	struct page_request request;
	struct page page = { 0 };

	if (page_request_parse(&request, query->data, query->size)) {
		reply->status = GRPC_STATUS_INTERNAL;
		snprintf(reply->message, sizeof reply->message,
		    "the request is not a GetUnstructuredEventsRequest");
	} else if (!reply->status) {
		reply->status = page_make(&page, &request, &rules, &catalogue);
		memcpy(reply->message, page.message, sizeof page.message);
	}
	if (!reply->status) {
		reply->data = page.data;
		reply->size = page.size;
		page.data = NULL;
		service->tally.events += (long)page.items;
		service->tally.bytes += (long)page.size;
	}
	log_search(service, query, &request, &page, reply);
	page_request_free(&request);
	page_free(&page);
}

static void
refuse(struct reply *reply, grpc_status_code status, const char *message)
{
	reply->status = status;
	snprintf(reply->message, sizeof reply->message, "%s", message);
}

/* Bytes that are no message: field number 0, then noise. */
static void
spoil(struct reply *reply)
{
	if (reply->fault.is_garbage && reply->size < 16) {
		free(reply->data);
		reply->size = 16;
		reply->data = x_alloc(reply->size);
	}
	if (reply->fault.is_garbage) {
		memset(reply->data, 0xff, reply->size);
		reply->data[0] = 0x07;
	}
	if (reply->fault.is_truncated)
		reply->size -= reply->size / 2;
}

static void
answer(struct service *service, const struct query *query, struct reply *reply)
{
	if (!is_version_served(query->version, service->options->version))
		refuse(reply, GRPC_STATUS_PERMISSION_DENIED,
		    "client version is unsupported");
	else if (query->has_intermediates)
		refuse(reply, GRPC_STATUS_PERMISSION_DENIED,
		    "access denied: intermediaries are not supported");
	else if (reply->fault.status)
		refuse(reply, reply->fault.status, reply->fault.message);

	if (strcmp(query->method, search_method) == 0) {
		service->tally.searches++;
		answer_search(service, query, reply);
		return;
	}
	if (strcmp(query->method, ping_method) == 0) {
		service->tally.pings++;
		if (!reply->status)
			answer_ping(service, reply);
	} else {
		service->tally.others++;
		if (!reply->status)
			refuse(reply, GRPC_STATUS_UNIMPLEMENTED,
			    "unknown method");
	}
	log_other(service, query, reply);
}

void
service_answer(struct service *service, const struct query *query,
    struct reply *reply)
{
	const char *slash = strrchr(query->method, '/');

	*reply = (struct reply){ 0 };
	if (!slash) {
		refuse(reply, GRPC_STATUS_UNIMPLEMENTED, "malformed method");
		return;
	}
	pthread_mutex_lock(&service->lock);
	reply->fault = faults_meet(service->faults, slash + 1);
	service->tally.faults += reply->fault.is_set;
	answer(service, query, reply);
	if (!reply->status)
		spoil(reply);
	service->tally.statuses[reply->status]++;
	pthread_mutex_unlock(&service->lock);
}

/* Loads outside the lock, so that calls go on meanwhile; keeps what it has
 * if a file cannot be had. */
static void
replace_events(struct service *service, int with_late)
{
	struct file_events *files = load_events(service->options, with_late);
	struct file_events *old;

	pthread_mutex_lock(&service->lock);
	old = service->files;
	service->is_late_in = with_late;
	if (files)
		service->files = files;
	service->tally.signals++;
	pthread_mutex_unlock(&service->lock);
	if (files)
		file_events_free(old);
}

void
service_reload(struct service *service)
{
	struct faults *faults =
	    service->options->fault_file ? load_faults(service->options) : NULL;
	struct faults *old = NULL;

	if (faults) {
		pthread_mutex_lock(&service->lock);
		old = service->faults;
		service->faults = faults;
		pthread_mutex_unlock(&service->lock);
	}
	faults_free(old);
	replace_events(service, service->is_late_in);
}

void
service_add_late(struct service *service)
{
	replace_events(service, 1);
}

void
service_lift_faults(struct service *service)
{
	pthread_mutex_lock(&service->lock);
	faults_lift(service->faults);
	service->tally.signals++;
	pthread_mutex_unlock(&service->lock);
}

int
service_needs_relay(const struct service *service)
{
	return service->options->has_relay ||
	       faults_need_relay(service->faults);
}

void
service_write_stats(struct service *service, long connections)
{
	struct tally tally;

	pthread_mutex_lock(&service->lock);
	tally = service->tally;
	pthread_mutex_unlock(&service->lock);
	tally.connections = connections;
	if (service->options->stats)
		tally_write(&tally, service->options->stats);
}

void
service_print(struct service *service, enum mode mode)
{
	struct catalogue catalogue = catalogue_of(service);

	if (mode == MODE_LIST_UIDS)
		listing_uids(&catalogue);
	else
		listing_dump(&catalogue);
	if (fflush(stdout))
		die(EXIT_OS, "stdout: %s", strerror(errno));
}
