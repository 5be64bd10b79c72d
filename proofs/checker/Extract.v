(** The checker as an OCaml program: [check] becomes certificate_checker.ml, with zarith's integers for Z, N and
    positive. *)
From Coq Require Import Extraction ExtrOcamlBasic ExtrOcamlZBigInt.
From synbal Require Import Checker.
Extraction Language OCaml.
Extraction "certificate_checker.ml" check.
