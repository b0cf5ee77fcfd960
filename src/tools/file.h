/*
 * tools/file.h - files in and out: raw or Intel hex by suffix, keys and their passphrases.
 *
 * Every function that takes a cli says its own error there and returns an exit code; with
 * TD_EXIT_OK nothing was said. What a function hands out lies on the heap and is freed by the
 * function named beside it.
 */
#ifndef TD_TOOLS_FILE_H
#define TD_TOOLS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/keys.h"
#include "tools/cli.h"

/* No microcontroller has more; a hex file that spans more holds two memories, not one image. */
#define TD_FILE_MAX (64u * 1024 * 1024)

/* A file of this machine; client/file.h is about those of a device. */
struct td_disk_file {
    uint8_t *bytes;
    uint32_t size;
    bool has_base; /* came from a hex file */
    uint32_t base; /* address of the first byte */
};

/* Whether the name ends in .hex, in upper or lower case. */
bool td_file_is_hex(const char *path);

/* Reads a raw or hex file. Gaps of a hex file read as 0xFF. Free with td_file_free. */
int td_file_read(struct td_cli *cli, const char *path, struct td_disk_file *file);
void td_file_free(struct td_disk_file *file);

/*
 * Writes a file whole or not at all: into a temporary one beside it, which then takes the
 * name. What is not a regular file (a terminal, /dev/stdout) is written to directly. secret:
 * only the owner may read it.
 */
int td_file_write(struct td_cli *cli, const char *path, const void *bytes, size_t len, bool secret);

/*
 * A key that is written over is a product that can never be updated again: a file at path, when
 * there is one, keeps its bytes under another name as well, path.old1 and so on, which is said.
 */
int td_file_keep_old(struct td_cli *cli, const char *path);

/* Bytes that stand at an address, in ascending order and without overlap. */
struct td_hex_chunk {
    uint32_t addr;
    const uint8_t *bytes;
    uint32_t len;
};

/* The text of an Intel hex file, as imgtool's library lays it out. NULL: no memory. */
char *td_hex_format(const struct td_hex_chunk *chunks, size_t n, size_t *len);

/* What is wrong with a hex file, and where. */
struct td_hex_error {
    const char *text;
    unsigned line; /* 1..; 0 when it is about the whole file */
};

/* Reads the text of a hex file; false and *error when it is none. Free with td_file_free. */
bool td_hex_parse(const char *text, size_t len, struct td_disk_file *file,
                  struct td_hex_error *error);

/*
 * Loads a key. passphrase_file may be NULL: then a locked key's passphrase is asked for on the
 * terminal, when there is one.
 */
int td_key_open(struct td_cli *cli, const char *path, const char *passphrase_file,
                struct td_key **key);

/* Rows of eight bytes ("0x01, ..."), each begun by a line break, as sources have them. */
void td_source_bytes(FILE *out, const uint8_t *bytes, size_t len);

/* Asks on the terminal, without echo. The length, or -1 when there is no terminal. */
int td_ask_passphrase(const char *prompt, char *buf, size_t cap);

/* The first line of a passphrase file. The length, or -1 with errno set. */
int td_read_passphrase(const char *path, char *buf, size_t cap);

#endif
