// Turns text into token ids and back, from tables made at compile time.
//
// The compiler packs a model's tokenizer into one blob (frontends/tokenizer);
// everything slow - Unicode classes, the pre-tokenizer's pattern, the merges -
// is in it as a table, so opening checks bounds and copies nothing.
//
// Blobs are not trusted: opening one that is cut short or altered fails with a
// message, and no call reads outside it. Nothing here throws, and no call
// writes to a Tokenizer: threads may share one.
#ifndef QOPT_RUNTIME_TOKENIZER_TOKENIZER_H
#define QOPT_RUNTIME_TOKENIZER_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

namespace qopt::runtime {

struct Tokenizer;

/// Opens the blob `blob`, which must stay where it is, 8-byte aligned, until
/// tokenizerClose. On failure returns false, sets `*out` to null and writes one
/// line, ended by a zero, to `message`.
bool tokenizerOpen(const uint8_t *blob, uint64_t bytes, Tokenizer **out,
                   char *message, size_t messageBytes);

/// Frees what tokenizerOpen gave; null is fine.
void tokenizerClose(Tokenizer *tokenizer);

/// Writes the token ids of `text` to `*ids`, which the caller frees, and
/// returns how many there are; -1 when memory ran out (`*ids` is then null).
/// Invalid UTF-8 is no error: byte-level vocabularies keep its bytes, others
/// read each bad byte as U+FFFD. `addSpecial` puts the begin-of-text token (and
/// what else the model's own template adds) around the ids; `parseSpecial`
/// recognises special tokens written out in the text ("<|im_end|>"), for text
/// that is trusted, such as the result of tokenizerChat.
int64_t tokenizerEncode(const Tokenizer *tokenizer, const char *text,
                        size_t bytes, bool addSpecial, bool parseSpecial,
                        int32_t **ids);

/// Writes the bytes of token `id` to `out`, up to `capacity` of them and
/// without a zero at the end, and returns how many bytes there are. A token may
/// end in the middle of a character. `first` says that the token begins the
/// text, where SentencePiece drops the space that it had put before the first
/// word (a begin-of-text token does not count as first). Special tokens are
/// empty unless `showSpecial`; an id outside the vocabulary is always empty.
size_t tokenizerDecode(const Tokenizer *tokenizer, int32_t id, bool first,
                       bool showSpecial, char *out, size_t capacity);

/// Whether generation ends when the model chooses `id`.
bool tokenizerIsEnd(const Tokenizer *tokenizer, int32_t id);

/// The begin-of-text token that `addSpecial` puts before the text; -1 when it
/// puts none.
int32_t tokenizerBos(const Tokenizer *tokenizer);

/// Writes `user` as a user's turn in the model's chat template, up to where
/// the answer begins, to `*prompt`: `malloc`ed and ended by a zero. Encode it
/// with parseSpecial and without addSpecial: what the template begins with is
/// in it. Returns 0; 1 when the model's template is none of the known kinds
/// (tokenizerChatName says which); 2 when the model has no template; -1 when
/// memory ran out.
int tokenizerChat(const Tokenizer *tokenizer, const char *user, size_t bytes,
                  char **prompt);

/// The kind of chat template: "chatml", "llama2", "llama3", "gemma", "phi",
/// "unknown", or "" for none.
const char *tokenizerChatName(const Tokenizer *tokenizer);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_TOKENIZER_TOKENIZER_H
