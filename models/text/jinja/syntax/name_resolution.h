// Which variable each name of a template means: Jinja's rules of scopes, quirks included.
#pragma once

#include "models/text/jinja/syntax/template_tree.h"

namespace reel::models::jinja {

/// Gives every name its place, and every scope what is loaded when it is entered.
///
/// The rules are those of Jinja's own compiler. Loops, macros, blocks and `with` are scopes; `if` is none. What a scope
/// assigns is a variable of that scope, which begins with the value of the outer one, if there is one. A name that is
/// assigned anywhere in a scope is that variable everywhere in it and below: a loop that stands before the assignment
/// finds it undefined, although the caller has given a value of that name. A macro and the body of `call` are functions,
/// which see the variables around them as they are when they run.
/// Source: jinja2 3.1.6, idtracking.py and compiler.py.
void resolve_names(Tree& tree);

}  // namespace reel::models::jinja
