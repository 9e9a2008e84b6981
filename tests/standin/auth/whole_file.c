/* Small files, whole: read at once, written aside and renamed. */
#include "whole_file.h"

#include "../say.h"
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
whole_file_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t capacity = 0;

	if (!file || getdelim(&text, &capacity, '\0', file) < 0)
		die(EXIT_DATA, "%s: %s", path,
		    errno ? strerror(errno) : "empty");
	fclose(file);
	return text;
}

void
whole_file_write(const char *path, const char *text)
{
	size_t size = strlen(path) + sizeof ".new";
	char *aside = x_alloc(size);
	FILE *file;

	snprintf(aside, size, "%s.new", path);
	file = fopen(aside, "we");
	if (!file || fprintf(file, "%s\n", text) < 0 || fclose(file) ||
	    rename(aside, path))
		die(EXIT_OS, "%s: %s", path, strerror(errno));
	free(aside);
}
