// Recognizes chat templates.
//
// A template is a Jinja program. The few kinds that nearly all models use are
// told from the markers in it, and a user's turn is then written as that kind
// does; what differs within a kind - a default system prompt, a newline, the
// begin-of-text token - is read out of the template's own texts.

#include "qopt/frontends/tokenizer/Description.h"

#include "llvm/ADT/STLExtras.h"

namespace qopt::tokenizer {

/// The texts between quotes inside of {{ }} and {% %}, without escapes, and
/// what stands outside of them.
static std::vector<std::string> readLiterals(llvm::StringRef text) {
  std::vector<std::string> literals;
  bool inside = false;
  std::string outer;
  for (size_t i = 0; i < text.size(); ++i) {
    llvm::StringRef two = text.substr(i, 2);
    if (!inside && (two == "{{" || two == "{%")) {
      inside = true;
      literals.push_back(std::move(outer));
      outer.clear();
      ++i;
    } else if (!inside) {
      outer += text[i];
    } else if (two == "}}" || two == "%}") {
      inside = false;
      ++i;
    } else if (text[i] == '\'' || text[i] == '"') {
      char quote = text[i];
      std::string literal;
      for (++i; i < text.size() && text[i] != quote; ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
          literal += text[i];
          continue;
        }
        char escaped = text[++i];
        literal += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
      }
      literals.push_back(std::move(literal));
    }
  }
  literals.push_back(std::move(outer));
  return literals;
}

namespace {

class Template {
public:
  Template(llvm::StringRef text, llvm::StringRef bos)
      : text(text), literals(readLiterals(text)),
        bos(text.contains("bos_token") ? bos : "") {}

  Chat read() const {
    Chat chat = recognize();
    chat.trims = text.contains("| trim") || text.contains("|trim") ||
                 text.contains(".strip()");
    if (chat.name != "unknown")
      chat.prefix = bos.str() + chat.prefix;
    return chat;
  }

private:
  Chat recognize() const {
    // The date, and what thinks or not: templates that are programs.
    if (has("<|im_start|>") && !text.contains("strftime_now"))
      return chatMl();
    if (has("<|start_header_id|>"))
      return llama3();
    if (has("<start_of_turn>"))
      return {"gemma", "<start_of_turn>user\n",
              "<end_of_turn>\n<start_of_turn>model\n", false};
    if (has("[INST]") && has("<<SYS>>"))
      return {"llama2", "[INST] ", " [/INST]", false};
    if (has("<|end|>") && has("<|assistant|>"))
      return phi();
    return {"unknown", "", "", false};
  }

  bool has(llvm::StringRef marker) const { return text.contains(marker); }

  Chat chatMl() const {
    // Phi-4 closes its headers with a token instead of a newline.
    std::string close = has("<|im_sep|>") ? "<|im_sep|>" : "\n";
    std::string newline = has("<|im_sep|>") ? "" : "\n";
    Chat chat{"chatml", "", "", false};
    if (auto system = defaultSystem("<|im_start|>system" + close))
      chat.prefix =
          "<|im_start|>system" + close + *system + "<|im_end|>" + newline;
    chat.prefix += "<|im_start|>user" + close;
    chat.suffix = "<|im_end|>" + newline + "<|im_start|>assistant" + close;
    return chat;
  }

  /// The system prompt that a template has when it is given none: it stands in
  /// one text with the marks around it.
  std::optional<std::string> defaultSystem(llvm::StringRef open) const {
    for (llvm::StringRef literal : literals) {
      size_t begin = literal.find(open);
      if (begin == llvm::StringRef::npos)
        continue;
      llvm::StringRef system = literal.drop_front(begin + open.size());
      size_t end = system.find("<|im_end|>");
      if (end != llvm::StringRef::npos)
        return system.take_front(end).str();
    }
    return std::nullopt;
  }

  Chat llama3() const {
    Chat chat{"llama3", "", "", false};
    llvm::StringRef cutting = "Cutting Knowledge Date: ";
    auto header = [](llvm::StringRef role) {
      return ("<|start_header_id|>" + role + "<|end_header_id|>\n\n").str();
    };
    // Since 3.1 there is always a system turn with two dates; ours are those
    // that the template itself falls back to.
    for (llvm::StringRef literal : literals)
      if (literal.starts_with(cutting))
        chat.prefix = header("system") + literal.rtrim('\n').str() +
                      "\nToday Date: " + fallbackDate() + "\n\n<|eot_id|>";
    chat.prefix += header("user");
    chat.suffix = "<|eot_id|>" + header("assistant");
    return chat;
  }

  std::string fallbackDate() const {
    for (size_t at = text.find("date_string ="); at != llvm::StringRef::npos;
         at = text.find("date_string =", at + 1)) {
      llvm::StringRef value = text.drop_front(at + 13).ltrim();
      if (!value.empty() && (value[0] == '"' || value[0] == '\''))
        return value.drop_front().split(value[0]).first.str();
    }
    return "26 Jul 2024";
  }

  Chat phi() const {
    // Phi-3 breaks lines between its marks, Phi-4-mini does not.
    std::string newline;
    for (auto [literal, next] :
         llvm::zip(literals, llvm::ArrayRef(literals).drop_front()))
      if (llvm::StringRef(literal).ends_with("<|assistant|>\n") ||
          (llvm::StringRef(literal).ends_with("<|assistant|>") &&
           llvm::StringRef(next).starts_with("\n")))
        newline = "\n";
    return {"phi", "<|user|>" + newline,
            "<|end|>" + newline + "<|assistant|>" + newline, false};
  }

  llvm::StringRef text;
  std::vector<std::string> literals;
  llvm::StringRef bos;
};

} // namespace

Chat readChatTemplate(llvm::StringRef text, llvm::StringRef bos) {
  return Template(text, bos).read();
}

} // namespace qopt::tokenizer
