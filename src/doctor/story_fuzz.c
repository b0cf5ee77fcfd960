/*
 * doctor/story_fuzz.c - the bytes of a file go through the reader into the story: whatever it
 * holds, the story ends, its facts are within their limits, and its steps are text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/reader.h"
#include "doctor/story.h"

struct sink {
    struct td_event_sink sink;
    struct td_story *story;
};

static void take(struct td_event_sink *sink, const struct td_event *event)
{
    td_story_take(((struct sink *)(void *)sink)->story, event);
}

static void check(const struct td_story *story, const struct td_facts *facts)
{
    if (td_story_count(story) > TD_STORY_STEPS || td_facts_count(facts) > TD_FACT_MAX)
        abort();
    for (size_t i = 0; i < td_story_count(story); i++)
        if (strlen(td_story_at(story, i)->text) == 0)
            abort();
    for (size_t i = 0; i < td_facts_count(facts); i++) {
        const struct td_fact *fact = td_facts_at(facts, i);

        // A quote inside a value would have cut it, and what follows be taken for attributes.
        for (size_t k = 0; k < fact->n_attrs; k++)
            if (strchr(fact->attrs[k].value, '\''))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct td_facts *facts = td_facts_new();
    struct sink sink = { { take }, td_story_new(facts) };
    size_t half = size / 2;
    struct td_reader *reader = td_reader_new(0, &sink.sink);

    // Two files: what is open at the end of one must not reach into the next.
    td_reader_feed(reader, data, half);
    td_reader_end(reader);
    td_story_file_end(sink.story);
    reader = td_reader_new(1, &sink.sink);
    td_reader_feed(reader, data + half, size - half);
    td_reader_end(reader);
    td_story_file_end(sink.story);
    td_story_end(sink.story);
    check(sink.story, facts);
    td_story_free(sink.story);
    td_facts_free(facts);
    return 0;
}
