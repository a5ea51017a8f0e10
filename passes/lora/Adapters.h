// Several adapters in one program, of which one is active.
//
// The factors of the active adapter are the values of globals of role adapter,
// which the layers read: the *slots*. What another adapter would put there is
// the value of a global that nobody reads, of the same type. Passes that fold
// or rotate change the chain behind a slot; `qopt-outline-adapters` gives the
// others the same chain, so that all of them are in the base's basis.

#ifndef QOPT_PASSES_LORA_ADAPTERS_H
#define QOPT_PASSES_LORA_ADAPTERS_H

#include "llvm/ADT/StringRef.h"

namespace qopt::lora {

/// On the program: the names of its adapters, the active one first.
constexpr llvm::StringLiteral adaptersAttr = "lowbit.adapters";
/// The name of the branches that a recipe or training has added, if no adapter
/// has brought any.
constexpr llvm::StringLiteral branchesName = "lora";
/// On the program, if parameters were replaced: the adapter cannot be taken
/// off.
constexpr llvm::StringLiteral fixedAttr = "lowbit.fixed";
/// On a global that is a slot: the module, as PEFT calls it.
constexpr llvm::StringLiteral moduleAttr = "lowbit.module";
/// On a slot: the scale of its branch.
constexpr llvm::StringLiteral scaleAttr = "lowbit.scale";
/// On a global for a slot: the adapter that it belongs to, and the slot.
constexpr llvm::StringLiteral adapterAttr = "lowbit.adapter";
constexpr llvm::StringLiteral slotAttr = "lowbit.slot";
/// On the weight of a slot: nothing changes the factor on its way.
constexpr llvm::StringLiteral plainAttr = "lowbit.plain";

} // namespace qopt::lora

#endif // QOPT_PASSES_LORA_ADAPTERS_H
