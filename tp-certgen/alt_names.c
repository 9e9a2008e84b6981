/* Host names and addresses for a certificate. */
#include "tp-certgen/alt_names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAX_HOST_BYTES = 253, MAX_LABEL_BYTES = 63 };

/* Letters, digits and '-' between them (RFC 1123); '_' because it is in use. */
static int
is_label(const char *label, size_t len_bytes)
{
	if (len_bytes == 0 || len_bytes > MAX_LABEL_BYTES)
		return 0;
	for (size_t i = 0; i < len_bytes; i++) {
		unsigned char c = (unsigned char)label[i];
		if (!isalnum(c) && c != '-' && c != '_')
			return 0;
	}
	return label[0] != '-' && label[len_bytes - 1] != '-';
}

static int
is_address(const char *address)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, address, bytes) == 1 ||
	       inet_pton(AF_INET6, address, bytes) == 1;
}

/* A client that asks for an address does not look at the host names. */
static int
is_host(const char *host)
{
	if (strlen(host) > MAX_HOST_BYTES || is_address(host))
		return 0;
	if (strncmp(host, "*.", 2) == 0)
		host += 2;
	for (;;) {
		size_t len_bytes = strcspn(host, ".");
		if (!is_label(host, len_bytes))
			return 0;
		if (host[len_bytes] == '\0')
			return 1;
		host += len_bytes + 1;
	}
}

/* A URL wants brackets around IPv6; for "*.x" an example has to do. */
static void
set_url_host(struct alt_names *names, const char *name)
{
	int is_ipv6 = strchr(name, ':') != NULL;

	if (name[0] == '*')
		snprintf(names->url_host, sizeof(names->url_host), "hec%s",
		    name + 1);
	else
		snprintf(names->url_host, sizeof(names->url_host), "%s%s%s",
		    is_ipv6 ? "[" : "", name, is_ipv6 ? "]" : "");
}

static void
add(struct alt_names *names, const char *kind, const char *name)
{
	if (names->extension.len_bytes > 0)
		buffer_append_byte(&names->extension, ',');
	else
		set_url_host(names, name);
	buffer_printf(&names->extension, "%s:%s", kind, name);
}

static int
add_each(struct alt_names *names, const char *kind,
    int (*is_valid)(const char *), const char *list)
{
	for (;;) {
		char name[MAX_HOST_BYTES + 1];
		size_t len_bytes = strcspn(list, ",");
		if (len_bytes >= sizeof(name))
			return -1;
		memcpy(name, list, len_bytes);
		name[len_bytes] = '\0';
		if (!is_valid(name))
			return -1;
		add(names, kind, name);
		if (list[len_bytes] == '\0')
			return 0;
		list += len_bytes + 1;
	}
}

int
alt_names_add_hosts(struct alt_names *names, const char *list)
{
	return add_each(names, "DNS", is_host, list);
}

int
alt_names_add_addresses(struct alt_names *names, const char *list)
{
	return add_each(names, "IP", is_address, list);
}

void
alt_names_free(struct alt_names *names)
{
	buffer_free(&names->extension);
}
