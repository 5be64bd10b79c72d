(** Powers, any degree: in every network the connections split into those that a positive circulation can pass and those
    that escape together along some direction. So either a minimum is attained, or some direction lowers every cost that it
    changes; never both. And the network of the connections that are kept has a minimum.

    [escape g keep h]   along the direction h the connections that are kept keep their multipliers, and those of all others
                        shrink.
    [part g keep]       the network of the connections that are kept (Limit.v). *)
From Coq Require Import Reals Psatz List Arith Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Scaling Limit Tangent Linear Circulation Gap AttainedAnyDegree
  Alternatives.
Import ListNotations.
Open Scope R_scope.

Definition escape g (keep : connection -> bool) h := grounded g h /\ forall e, In e (connections g) ->
  if keep e then exponent g h e = 0 else exponent g h e <= -1.

Lemma form_untouched g e i : In e (connections g) -> ~ In i (units g) -> form g e i = 0.
Proof.
  intros I N. unfold form. destruct (Nat.eqb_spec (head e) i) as [<-|]; [exfalso; apply N; now apply head_in_units|].
  destruct (Nat.eqb_spec (tail e) i) as [<-|]; [exfalso; apply N; now apply tail_in_units|ring].
Qed.

Theorem every_network_splits g : exists kept h f, escape g kept h /\
  (forall e, In e (connections (part g kept)) -> 0 < f e) /\
  forall i, free g i = true -> divergence (part g kept) f i = 0.
Proof.
  destruct (alternatives (active g) (active_nodup g) connection (connections g) (form g)) as [f [h [Comb Alt]]].
  set (kept := fun e => sign_pos (f e)).
  destruct (common_positive (fun e d => value (active g) (form g e) h < 0 -> value (active g) (form g e) h <= - d)
    (connections g)) as [d [Pd D]].
  { intros e d d' K L N. specialize (K N). lra. }
  { intros e _. destruct (Rlt_le_dec (value (active g) (form g e) h) 0) as [N|N].
    - exists (- value (active g) (form g e) h). split; [lra|]. intros _. lra.
    - exists 1. split; lra. }
  assert (X : forall e, exponent g (fun i => / d * keep (active g) h i) e = / d * value (active g) (form g e) h).
  { intro e. rewrite (exponent_value g (active g)).
    - unfold value. rewrite <- sum_scale. apply sum_ext. intros i I. unfold keep. destruct in_dec; [ring|tauto].
    - apply active_nodup.
    - intros i N. rewrite (keep_supported (active g) h i N). ring. }
  pose proof (Rinv_0_lt_compat d Pd) as Pi.
  exists kept, (fun i => / d * keep (active g) h i), f. split; [|split].
  - split.
    + intros i F. rewrite (keep_supported (active g) h i); [ring|]. intro I. apply active_free in I. destruct I. congruence.
    + intros e I. rewrite X. unfold kept, sign_pos. destruct (Alt e I) as [[A B]|[A B]]; destruct Rlt_dec; try lra.
      * rewrite B. ring.
      * specialize (D e I B). replace (-1) with (/ d * - d) by (field; lra). apply Rmult_le_compat_l; lra.
  - intros e I. simpl in I. apply filter_In in I. destruct I as [_ K]. unfold kept, sign_pos in K.
    destruct Rlt_dec; [auto|discriminate].
  - intros i F. rewrite divergence_sum. change (sum (fun e => f e * form g e i) (filter kept (connections g)) = 0).
    destruct (in_dec Nat.eq_dec i (active g)) as [I|N].
    + rewrite <- (Comb i I), (sum_filter _ kept (connections g)), (sum_null _ (filter (fun e => negb (kept e)) _)); [ring|].
      intros e Ie. apply filter_In in Ie. destruct Ie as [Ie K]. unfold kept, sign_pos in K.
      destruct (Alt e Ie) as [[A _]|[A _]]; [|rewrite A; ring]. destruct Rlt_dec; [discriminate|lra].
    + apply sum_null. intros e Ie. apply filter_In in Ie. rewrite form_untouched; [ring|apply Ie|].
      intro U. apply N. now apply active_free.
Qed.

(** The split is unique, whatever directions and circulations show it. *)
Theorem split_unique g kept h f kept' h' f' :
  escape g kept h -> (forall e, In e (connections (part g kept)) -> 0 < f e) ->
  (forall i, free g i = true -> divergence (part g kept) f i = 0) ->
  escape g kept' h' -> (forall e, In e (connections (part g kept')) -> 0 < f' e) ->
  (forall i, free g i = true -> divergence (part g kept') f' i = 0) ->
  forall e, In e (connections g) -> kept e = kept' e.
Proof.
  assert (Half : forall k f k' h, (forall e, In e (connections (part g k)) -> 0 < f e) ->
    (forall i, free g i = true -> divergence (part g k) f i = 0) -> escape g k' h ->
    forall e, In e (connections g) -> k e = true -> k' e = true).
  { clear. intros k f k' h P D [G E] e I K. destruct (k' e) eqn:N; auto. exfalso.
    assert (Z : sum (fun e => f e * exponent g h e) (connections (part g k)) = 0).
    { change (exponent g h) with (exponent (part g k) h). rewrite by_parts. apply sum_null. intros i _.
      destruct (free g i) eqn:F; [rewrite D by auto|rewrite G by auto]; ring. }
    assert (L : sum (fun e => f e * exponent g h e) (connections (part g k)) < sum (fun _ => 0) (connections (part g k))).
    { apply sum_lt.
      - intros e' I'. pose proof (P e' I'). simpl in I'. apply filter_In in I'. specialize (E e' (proj1 I')).
        destruct (k' e'); nra.
      - assert (Ik : In e (connections (part g k))) by (simpl; apply filter_In; auto).
        exists e. split; auto. pose proof (P e Ik). specialize (E e I). rewrite N in E. nra. }
    rewrite sum_zero in L. lra. }
  intros E P D E' P' D' e I. destruct (kept e) eqn:K; destruct (kept' e) eqn:K'; auto.
  - pose proof (Half kept f kept' h' P D E' e I K). congruence.
  - pose proof (Half kept' f' kept h P' D' E e I K'). congruence.
Qed.

(** The network of what is kept has a minimum. *)
Theorem limit_exists (p : posreal) g : exists kept h V, escape g kept h /\ minimum (part g kept) (power p) V.
Proof.
  destruct (every_network_splits g) as [kept [h [f [E [Pf D]]]]].
  destruct (proj2 (attained_iff_positive_circulation p (part g kept))) as [V M]; [exists f; auto|].
  exists kept, h, V. auto.
Qed.

(** L_p, any degree, any initial state: where no connection that escapes carries a signal, this minimum computes the function
    of the whole network, over any number of steps. Free units that do not start at zero are sources of signals. *)
Theorem limit_keeps_the_function_any_degree (p : posreal) g : exists kept h V,
  escape g kept h /\ minimum (part g kept) (power p) V /\
  forall source,
  (forall e, In e (connections g) -> kept e = false -> alive g source (tail e) -> useful g (head e) -> False) ->
  forall act order is_input inputs v0, homogeneous_where_free g act -> (forall i, is_input i = true -> free g i = false) ->
  (forall i, free g i = true -> v0 i = 0 \/ source i) -> forall n i, free g i = false ->
  recur act (rescaled (part g kept) V) order is_input inputs (fun j => factor g V j * v0 j) n i =
  recur act (connections g) order is_input inputs v0 n i.
Proof.
  destruct (limit_exists p g) as [kept [h [V [E M]]]]. exists kept, h, V. split; auto. split; auto.
  intros source S act order is_input inputs v0 H I Z n i F.
  now apply (rescaled_part_keeps_recurrent_networks g act source kept V order is_input inputs v0 H S (proj1 M) I Z).
Qed.

(** A minimum is attained iff no direction shrinks a connection and grows none. *)
Theorem attained_iff_no_escape_mixed (p : connection -> posreal) g : (exists x, minimum g (mixed_power p) x) <->
  ~ exists h, grounded g h /\ (forall e, In e (connections g) -> exponent g h e <= 0) /\
    exists e, In e (connections g) /\ exponent g h e < 0.
Proof.
  rewrite attained_iff_positive_circulation_mixed. split.
  - intros [f [Pf D]] [h [G [L [e [I N]]]]].
    assert (Z : sum (fun e => f e * exponent g h e) (connections g) = 0).
    { rewrite by_parts. apply sum_null. intros i _. destruct (free g i) eqn:F; [rewrite D by auto|rewrite G by auto]; ring. }
    assert (K : sum (fun e => f e * exponent g h e) (connections g) < sum (fun _ => 0) (connections g)).
    { apply sum_lt; [|exists e; split; auto]; [intros e' I'; specialize (L e' I'); specialize (Pf e' I')|specialize (Pf e I)]; nra. }
    rewrite sum_zero in K. lra.
  - intro N. destruct (every_network_splits g) as [kept [h [f [[G E] [Pf D]]]]].
    assert (All : forall e, In e (connections g) -> kept e = true).
    { intros e I. destruct (kept e) eqn:K; auto. exfalso. apply N. exists h. split; auto. split.
      - intros e' I'. specialize (E e' I'). destruct (kept e'); lra.
      - exists e. split; auto. specialize (E e I). rewrite K in E. lra. }
    assert (Same : connections (part g kept) = connections g).
    { simpl. clear - All. induction (connections g) as [|e l IH]; simpl; [reflexivity|].
      rewrite All by (simpl; auto). f_equal. apply IH. intros; apply All; simpl; auto. }
    exists f. split; [now rewrite <- Same|]. intros i F. rewrite <- (D i F). unfold divergence. now rewrite Same.
Qed.

Corollary attained_iff_no_escape (p : posreal) g : (exists x, minimum g (power p) x) <->
  ~ exists h, grounded g h /\ (forall e, In e (connections g) -> exponent g h e <= 0) /\
    exists e, In e (connections g) /\ exponent g h e < 0.
Proof. exact (attained_iff_no_escape_mixed (fun _ => p) g). Qed.
