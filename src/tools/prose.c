/* tools/prose.c - words into lines. */
#include "tools/prose.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

size_t td_prose_width(FILE *out)
{
    struct winsize size;
    int fd = fileno(out);

    if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col < 60 ? 60 : size.ws_col > 110 ? 110 : size.ws_col;
}

static bool continues(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

size_t td_prose_columns(const char *text)
{
    size_t n = 0;

    while (*text != '\0') {
        if (text[0] == '\033' && text[1] == '[') // a colour
            text += strcspn(text, "m");
        else
            n += !continues(*text);
        text += *text != '\0';
    }
    return n;
}

size_t td_prose_fit(const char *text, size_t columns)
{
    size_t n = 0, at = 0;

    while (text[at] != '\0' && (continues(text[at]) || n++ < columns))
        at++;
    return at;
}

static size_t columns_of(const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += !continues(text[i]);
    return n;
}

static void begin_line(FILE *out, size_t indent)
{
    fprintf(out, "\n%*s", (int)indent, "");
}

void td_prose(FILE *out, const char *label, size_t indent, size_t width, const char *text)
{
    size_t column = td_prose_columns(label);
    bool fresh = true; // nothing of the text stands in this line

    fprintf(out, "%s", label);
    if (column < indent)
        fprintf(out, "%*s", (int)(indent - column), "");
    column = column < indent ? indent : column;
    while (*text != '\0') {
        size_t len = strcspn(text, " \n");
        size_t columns = columns_of(text, len);

        if (len > 0) {
            if (!fresh && column + 1 + columns > width) {
                begin_line(out, indent);
                column = indent;
                fresh = true;
            }
            fprintf(out, "%s%.*s", fresh ? "" : " ", (int)len, text);
            column += columns + !fresh;
            fresh = false;
        }
        text += len;
        if (*text == '\n' && text[1] != '\0') {
            begin_line(out, indent);
            column = indent;
            fresh = true;
        }
        text += *text != '\0';
    }
    fputc('\n', out);
}
